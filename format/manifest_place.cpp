#include <tz/format/appender.hpp>
#include <tz/format/cursor.hpp>
#include <tz/format/error.hpp>
#include <tz/format/manifest_parts.hpp>
#include <tz/format/manifest_place.hpp>

#include <algorithm>
#include <string>

namespace tz::format {

namespace {

std::vector<std::byte> end_mark(std::uint64_t length) {
    Appender out;
    out.reserve(manifest_end_bytes);
    out.integer<std::uint32_t>(static_cast<std::uint32_t>(length));
    out.text(manifest_magic);
    return out.finish();
}

} // namespace

std::optional<Range> find_manifest(std::span<const std::byte> index) {
    if (index.size() < prefix_bytes + manifest_end_bytes)
        return {};
    Cursor end(
        index.last(manifest_end_bytes), index.size() - manifest_end_bytes, "the end of the index");
    const auto length = end.read<std::uint32_t>("a length");
    if (end.text(manifest_magic.size(), "a magic") != manifest_magic)
        return {};
    if (length < manifest_end_bytes || length > index.size() - prefix_bytes)
        end.fail(
            "a manifest of " + std::to_string(length) + " bytes does not fit into the index",
            index.size() - manifest_end_bytes);
    return Range{index.size() - length, length};
}

std::vector<std::byte> without_manifest(std::span<const std::byte> index, Range manifest) {
    std::vector<std::byte> bytes(index.begin(), index.end());
    const auto gone = std::span(bytes).subspan(manifest.offset, manifest.bytes);
    std::ranges::fill(gone, std::byte{0});
    return bytes;
}

Range place_manifest(Range unused, std::uint64_t bytes) {
    if (bytes > unused.bytes)
        throw Error(
            errc::limit,
            "the manifest takes " + std::to_string(bytes) + " bytes, and the file has " +
                std::to_string(unused.bytes) + " free for it in its metadata region",
            unused.offset,
            "put it beside the file with --sidecar");
    return {unused.end() - bytes, bytes};
}

std::vector<RegionWrite>
manifest_steps(Range unused, std::optional<Range> old, std::span<const std::byte> manifest) {
    const std::uint64_t old_bytes = old ? old->bytes : 0;
    const std::uint64_t new_bytes =
        manifest.empty() ? 0 : place_manifest(unused, manifest.size()).bytes;
    const std::uint64_t covered = std::max(old_bytes, new_bytes);
    const std::uint64_t mark_at = unused.end() - manifest_end_bytes;
    std::vector<RegionWrite> steps;
    if (covered == 0)
        return steps;
    if (new_bytes > old_bytes)
        steps.push_back({mark_at, end_mark(new_bytes)});
    std::vector<std::byte> body(covered - manifest_end_bytes);
    if (!manifest.empty()) {
        const auto from = manifest.first(manifest.size() - manifest_end_bytes);
        std::ranges::copy(from, body.end() - static_cast<std::ptrdiff_t>(from.size()));
    }
    steps.push_back({unused.end() - covered, std::move(body)});
    if (new_bytes < old_bytes)
        steps.push_back(
            {mark_at,
             manifest.empty() ? std::vector<std::byte>(manifest_end_bytes) : end_mark(new_bytes)});
    return steps;
}

} // namespace tz::format
