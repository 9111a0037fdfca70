// Puts manifests into files that are there, beside them, and takes them away. Everything is durable
// when a function returns.
#pragma once

#include <tz/engine/manifest_find.hpp>
#include <tz/format/manifest.hpp>

#include <cstddef>
#include <span>
#include <string>

namespace tz {

/// Puts `manifest` (its bytes; empty: none) into the metadata region of the file at `path`, in
/// place of the one that it has. `found` is what find_place() says of it now. Nothing but the
/// unused end of the region is written, in steps between which the file stays readable, whenever
/// the process ends. Throws `tz::Error`: errc::limit where it does not fit, errc::object_changed
/// where the file is another one by now or somebody else is at it, errc::denied, errc::io.
void write_inside(
    const std::string& path, const FoundManifest& found, std::span<const std::byte> manifest);

/// Whether there is a manifest at `path`. Throws `tz::Error` (errc::usage) where there is something
/// else.
bool sidecar_exists(const std::string& path);

/// Writes it, in place of the one that is there: the old one or the new one is whole at any time.
void write_sidecar(const std::string& path, std::span<const std::byte> manifest);

void remove_sidecar(const std::string& path);

} // namespace tz
