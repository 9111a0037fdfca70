// Whether a file is what its manifest says, and the manifest what the caller demands.
#pragma once

#include <tz/engine/load.hpp>
#include <tz/engine/manifest_find.hpp>
#include <tz/format/manifest.hpp>
#include <tz/format/requirement.hpp>

#include <memory>
#include <vector>

namespace tz {

/// The caller's wishes about the manifest of one file.
struct ManifestOptions {
    format::Requirement require;
    /// Reads all tensor headers, and all pieces where the manifest lists them. Otherwise only what
    /// a load can't check by the result (`LoadOptions::manifests`): headers that the manifest does
    /// not list.
    bool contents = true;
    /// `key` or `password` of the file, for a signature by it, and `derivation_max`; `deadline`,
    /// `stop` and `progress`.
    LoadOptions waiting;
};

/// A manifest that the caller trusts and that belongs to its file.
struct CheckedManifest {
    format::Manifest manifest;
    format::Layout layout;               ///< of the file
    std::vector<format::Sha256> headers; ///< of its tensor headers, listed in the manifest or not
    format::Range unused;                ///< of the file, that pieces see as zeros
    bool sidecar = false;                ///< where it was found
    bool headers_checked = false;        ///< all of them, in the file
    bool pieces_checked = false;         ///< all of them, in the file
};

/// Reads the manifest of a file and checks it: that it meets the requirement, and that the file is
/// the one it is of. Null where there is no manifest and none is required. Blocks, in bounded
/// memory. Throws `tz::Error`, naming the file: errc::auth and errc::integrity as
/// check_requirement(), check_description() and check_root() do, errc::integrity for headers and
/// pieces that differ, errc::format for a manifest that is none.
std::shared_ptr<const CheckedManifest>
check_manifest(Engine& engine, const ManifestPlaces& places, const ManifestOptions& options);

/// SHA-256 of each tensor header of the file, none for safetensors files.
std::vector<format::Sha256> read_header_digests(
    Engine& engine, const std::shared_ptr<const Source>& source, const LoadOptions& waiting);

/// The key of the file: `waiting.key`, or what comes of `waiting.password`; null without either.
/// Throws `tz::Error` (errc::auth) where the file was not encrypted with a password.
std::shared_ptr<const format::Secret>
file_key(Engine& engine, const std::shared_ptr<const Source>& source, const LoadOptions& waiting);

} // namespace tz
