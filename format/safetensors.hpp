// The safetensors format: the bytes before the tensors to `Layout`. Pure: no I/O, no threads.
//
// What safetensors 0.8 reads is read, but for what its own description forbids or nobody can hold:
// a name, a field or an entry of `__metadata__` that stands twice; records that are not JSON
// objects; shapes that multiply to 2^63 elements or more, or have more than `dimensions_max`
// dimensions. And types that it does not know are read here.
#pragma once

#include <tz/format/layout.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tz::format {

/// Bytes that tell how long the header is.
inline constexpr std::uint64_t safetensors_prefix_bytes = 8;

// Limits beside those of layout.hpp.
/// Largest header; the format's own limit. Its smallest entries take 50 bytes, so a file has two
/// million tensors at most. What a header lists may take three times its size and 15 MiB of memory:
/// usual entries take 2.5 times, the shortest ones would take 3.7.
inline constexpr std::uint64_t safetensors_header_bytes_max = 100'000'000;
/// Longest name of a tensor; `.tensors` files cannot hold a longer one.
inline constexpr std::size_t safetensors_name_bytes_max = 65'535;
/// Most texts in `__metadata__`; real files have a handful, and each takes memory.
inline constexpr std::size_t safetensors_metadata_max = 100'000;
/// Largest element of a type that is not known, complex128's: a shape that does not fit its data is
/// not to pass as a type with huge elements.
inline constexpr std::uint32_t unknown_element_bits_max = 128;

/// Whether a file that begins like this is a safetensors file, sound or not: a believable length,
/// then JSON.
bool looks_like_safetensors(std::span<const std::byte> start);

/// How many bytes from the start of the file hold the header. `prefix` is the start of the file.
/// Throws `tz::Error` (errc::format).
std::uint64_t safetensors_index_bytes(std::span<const std::byte> prefix, std::uint64_t file_bytes);

/// The header. `bytes` are the first `safetensors_index_bytes()` bytes of the file. Every range is
/// checked: inside the file, no hole, no overlap, none left over, and as long as dtype and shape
/// say. The tensors come in the order of their data. Throws `tz::Error` (format, or limit for what
/// is above one of ours), with the byte offset.
Layout parse_safetensors(std::span<const std::byte> bytes, std::uint64_t file_bytes);

/// A type of safetensors 0.8.
struct KnownDType {
    std::string_view code;
    std::string_view name; ///< torch's, or ml_dtypes' where torch has no such type
    std::uint32_t bits;
};

/// All of them.
std::span<const KnownDType> safetensors_dtypes();

} // namespace tz::format
