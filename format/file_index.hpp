// The index of a file in any of the formats, which its first bytes tell: names of files say
// nothing. Pure.
#pragma once

#include <tz/format/layout.hpp>
#include <tz/format/tensorizer.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace tz::format {

/// Bytes from the start of a file that hold the index of nearly every one.
inline constexpr std::uint64_t usual_index_bytes = prefix_bytes + usual_region_bytes;

/// How many bytes from the start of the file hold the whole index. `start` is the start of the
/// file, `prefix_bytes` of it or more (fewer only where the file is shorter). Throws `tz::Error`,
/// which says what the file looks like when it is something else.
std::uint64_t file_index_bytes(std::span<const std::byte> start, std::uint64_t file_bytes);

/// The index. `bytes` are the first `file_index_bytes()` bytes of the file, a manifest among them
/// or not, which is not looked into. Throws what parse_index() and parse_safetensors() throw.
Layout parse_file_index(std::span<const std::byte> bytes, std::uint64_t file_bytes);

} // namespace tz::format
