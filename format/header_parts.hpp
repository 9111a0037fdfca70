// What reading and writing of `.tensors` files have in common: sizes, and the form that is hashed.
#pragma once

#include <tz/format/appender.hpp>
#include <tz/format/layout.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace tz::format {

inline constexpr std::string_view magic = "|TZR|";

/// Product of dimensions and element size. None where it, or the product of the dimensions that
/// aren't 0, is 2^63 or more: NumPy and PyTorch could not hold such a shape even when it is empty.
std::optional<std::uint64_t>
shape_bytes(std::span<const std::uint64_t> shape, std::uint32_t element_bytes);

/// Whether the name may stand on a tensor of this kind: paths of several keys, or of a position,
/// are for state dicts alone.
bool name_fits(std::string_view name, TensorKind kind);

/// A tensor header's size without its hash block and crypt info.
std::uint64_t header_fixed_bytes(const Tensor& tensor);

/// The smallest header of the tensor: with an empty list of hashes and empty crypt info.
std::uint64_t header_bytes_min(const Tensor& tensor, bool encrypted);

/// Appends what index entries and headers both say: name, kind, dtype and shape, in the index name
/// first, in the header kind first.
void append_description(Appender& out, const Tensor& tensor, bool kind_first);

/// Parts of a tensor header, offsets counting from its start. Absent ones have no bytes.
struct HeaderParts {
    std::array<Range, 2> hash_values;
    Range crypt_info;
};

/// What hashes cover: the header with hash values zeroed and the crypt info left out.
std::vector<std::byte> hashed_bytes(std::span<const std::byte> header, const HeaderParts& parts);

} // namespace tz::format
