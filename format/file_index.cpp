#include <tz/format/file_index.hpp>
#include <tz/format/manifest_place.hpp>
#include <tz/format/safetensors.hpp>

#include <algorithm>

namespace tz::format {

std::uint64_t file_index_bytes(std::span<const std::byte> start, std::uint64_t file_bytes) {
    const auto prefix = start.first(std::min<std::size_t>(start.size(), prefix_bytes));
    return looks_like_safetensors(prefix) ? safetensors_index_bytes(prefix, file_bytes)
                                          : index_bytes(prefix, file_bytes);
}

Layout parse_file_index(std::span<const std::byte> bytes, std::uint64_t file_bytes) {
    if (looks_like_safetensors(bytes))
        return parse_safetensors(bytes, file_bytes);
    if (const auto manifest = find_manifest(bytes))
        return parse_index(without_manifest(bytes, *manifest), file_bytes);
    return parse_index(bytes, file_bytes);
}

} // namespace tz::format
