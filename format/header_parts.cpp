#include <tz/format/crypt_info.hpp>
#include <tz/format/header_parts.hpp>
#include <tz/format/name.hpp>
#include <tz/format/name_tree.hpp>

#include <algorithm>
#include <limits>

namespace tz::format {

std::optional<std::uint64_t>
shape_bytes(std::span<const std::uint64_t> shape, std::uint32_t element_bytes) {
    std::int64_t bytes = element_bytes;
    bool empty = false;
    for (const std::uint64_t dimension : shape) {
        empty = empty || dimension == 0;
        if (dimension != 0 && __builtin_mul_overflow(bytes, dimension, &bytes))
            return {};
    }
    return empty ? 0 : static_cast<std::uint64_t>(bytes);
}

bool name_fits(std::string_view name, TensorKind kind) {
    if (kind == TensorKind::state || !name.starts_with('\x1e'))
        return true;
    Path path;
    return read_name(name, path) == nullptr && path.size() == 1 &&
           std::holds_alternative<std::string>(path.front());
}

std::uint64_t header_fixed_bytes(const Tensor& tensor) {
    return 25 + tensor.name.size() + tensor.dtype.code.size() +
           tensor.shape.size() * (tensor.long_dimensions ? 8 : 4);
}

std::uint64_t header_bytes_min(const Tensor& tensor, bool encrypted) {
    return header_fixed_bytes(tensor) + 1 + (encrypted ? crypt_info_bytes_min : 0);
}

void append_description(Appender& out, const Tensor& tensor, bool kind_first) {
    const auto kind = static_cast<std::uint8_t>(tensor.kind);
    if (kind_first)
        out.integer<std::uint8_t>(kind);
    out.integer<std::uint16_t>(static_cast<std::uint16_t>(tensor.name.size()));
    out.text(tensor.name);
    if (!kind_first)
        out.integer<std::uint8_t>(kind);
    out.integer<std::uint8_t>(static_cast<std::uint8_t>(tensor.dtype.code.size()));
    out.text(tensor.dtype.code);
    out.integer<std::uint8_t>(static_cast<std::uint8_t>(tensor.shape.size()));
    for (const std::uint64_t dimension : tensor.shape) {
        if (tensor.long_dimensions)
            out.integer<std::uint64_t>(dimension);
        else
            out.integer<std::uint32_t>(static_cast<std::uint32_t>(dimension));
    }
}

std::vector<std::byte> hashed_bytes(std::span<const std::byte> header, const HeaderParts& parts) {
    const auto before = header.first(parts.crypt_info.offset);
    const auto after = header.subspan(parts.crypt_info.end());
    std::vector<std::byte> hashed;
    hashed.reserve(before.size() + after.size());
    hashed.insert(hashed.end(), before.begin(), before.end());
    hashed.insert(hashed.end(), after.begin(), after.end());
    // the hashes stand before the crypt info, so their places are the same
    for (const Range& value : parts.hash_values)
        std::fill_n(
            hashed.begin() + static_cast<std::ptrdiff_t>(value.offset), value.bytes, std::byte{0});
    return hashed;
}

} // namespace tz::format
