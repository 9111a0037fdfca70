// Reads the manifest of a file, wherever it is. For the sources of this folder, and for showing
// manifests that are not trusted yet.
#pragma once

#include <tz/engine/load.hpp>
#include <tz/format/layout.hpp>
#include <tz/format/manifest.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

namespace tz {

/// Where a manifest may be.
struct ManifestPlaces {
    std::shared_ptr<const Source> file;
    /// Of its own; null: there is none. It need not exist.
    std::shared_ptr<const Source> sidecar{};
    /// The sidecar counts even where the file has a manifest inside.
    bool sidecar_first = false;
};

/// The index of a file, and its manifest as it stands there: not checked.
struct FoundManifest {
    std::vector<std::byte> index;
    format::Layout layout;
    std::optional<format::Range> inside; ///< where one stands in the file
    std::optional<format::Manifest> manifest;
    bool sidecar = false; ///< that is where it is from
};

/// Blocks; of `waiting`, `deadline` and `stop` count. Throws `tz::Error`, naming its source: what
/// read_whole(), parse_file_index() and parse_manifest() throw.
FoundManifest
find_manifest(Engine& engine, const ManifestPlaces& places, const LoadOptions& waiting = {});

/// The index, and where in the file a manifest stands, whether it is one or not.
FoundManifest find_place(
    Engine& engine, const std::shared_ptr<const Source>& file, const LoadOptions& waiting = {});

} // namespace tz
