#include <tz/engine/save_manifest.hpp>
#include <tz/format/hash.hpp>
#include <tz/format/manifest_place.hpp>
#include <tz/format/manifest_root.hpp>
#include <tz/format/signature.hpp>
#include <tz/format/tensorizer_append.hpp>

#include <cassert>

namespace tz {

SaveManifest::SaveManifest(const format::Layout& layout, const SaveSettings& settings)
    : layout_(layout),
      settings_(settings),
      manifest_(format::describe(layout)),
      missing_(layout.tensors.size()) {
    assert(settings.manifest && !layout.tensors.empty());
    manifest_.subject = settings.manifest->subject;
    manifest_.headers.resize(layout.tensors.size());
    const std::uint64_t entries_end = format::entries_end(layout);
    const format::Range unused{entries_end, layout.index_bytes - entries_end};
    place_ = format::place_manifest(
        unused, format::manifest_bytes(manifest_.headers.size(), 0, signature_kinds(settings)));
}

bool SaveManifest::take_header(std::size_t place, std::span<const std::byte> header) {
    assert(header.size() == layout_.tensors[place].header.bytes);
    manifest_.headers[place] = format::sha256(header);
    return --missing_ == 0;
}

std::vector<std::byte> SaveManifest::finish() {
    assert(missing_ == 0);
    const std::vector<std::byte> index = format::write_index(layout_);
    const format::IndexView view = format::view_index(index, layout_);
    manifest_.root = format::root_of(manifest_, view, manifest_.headers);
    if (settings_.key)
        format::add_signature(manifest_, format::sign(manifest_.root, *settings_.key));
    if (const auto& key = settings_.manifest->signing_key)
        format::add_signature(manifest_, format::sign(manifest_.root, *key));
    std::vector<std::byte> bytes = format::write_manifest(manifest_);
    assert(bytes.size() == place_.bytes);
    return bytes;
}

} // namespace tz
