// Makes the manifest of a file that is there.
#pragma once

#include <tz/engine/load.hpp>
#include <tz/engine/manifest_find.hpp>
#include <tz/format/manifest.hpp>

#include <cstdint>
#include <memory>

namespace tz {

/// What a manifest shall hold. A safetensors file needs pieces.
struct ManifestContent {
    format::Subject subject{};
    std::uint64_t piece_bytes = format::usual_manifest_piece_bytes; ///< 0: none
    bool headers = true;                                            ///< listed
};

/// The manifest, not signed yet, of the file that `found` is of: reads its headers and all of its
/// pieces. Blocks; of `waiting`, `deadline`, `stop` and `progress` count. Throws `tz::Error`,
/// naming the file.
format::Manifest make_manifest(
    Engine& engine,
    const std::shared_ptr<const Source>& file,
    const FoundManifest& found,
    const ManifestContent& content,
    const LoadOptions& waiting = {});

} // namespace tz
