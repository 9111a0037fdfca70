// What the options of a load mean together.
#pragma once

#include <tz/engine/options.hpp>
#include <tz/format/layout.hpp>

#include <cstddef>
#include <span>

namespace tz {

/// Throws `tz::Error` (errc::usage) for what can't hold together.
void check_options(const LoadOptions& options, std::size_t sources);

/// With everything in them that follows from the rest, and from what the files hold.
LoadOptions effective(LoadOptions options, std::span<const format::Layout> layouts);

/// Of the file `source`; null: none.
const CheckedManifest* manifest_of(const LoadOptions& options, std::size_t source);

/// The manifest by whose pieces the load checks the data of the file `source`; null: it does not.
const CheckedManifest*
pieces_of(const LoadOptions& options, std::size_t source, const format::Layout& layout);

/// Throws `tz::Error`: errc::integrity where the file's index is not the one that its manifest was
/// checked with, errc::usage where a load can't check what the manifest says of its data.
void check_by_manifest(
    const LoadOptions& options, std::size_t source, const format::Layout& layout);

/// Whether something is hashed that must come in the order of its tensor.
bool hashes_in_order(const LoadOptions& options);

} // namespace tz
