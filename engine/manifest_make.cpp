#include <tz/engine/manifest_check.hpp>
#include <tz/engine/manifest_make.hpp>
#include <tz/engine/piece_hashes.hpp>
#include <tz/format/manifest_root.hpp>

#include <utility>
#include <vector>

namespace tz {

format::Manifest make_manifest(
    Engine& engine,
    const std::shared_ptr<const Source>& file,
    const FoundManifest& found,
    const ManifestContent& content,
    const LoadOptions& waiting) {
    const format::IndexView view = format::view_index(found.index, found.layout);
    format::Manifest manifest = format::describe(found.layout);
    manifest.subject = content.subject;
    manifest.piece_bytes = content.piece_bytes;
    std::vector<format::Sha256> headers;
    if (found.layout.has_headers())
        headers = read_header_digests(engine, file, waiting);
    if (content.piece_bytes != 0)
        manifest.pieces =
            hash_pieces(engine, file, {content.piece_bytes, view.unused(), {}}, waiting);
    manifest.root = format::root_of(manifest, view, headers);
    if (content.headers)
        manifest.headers = std::move(headers);
    return manifest;
}

} // namespace tz
