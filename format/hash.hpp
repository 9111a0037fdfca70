// The hashes of bytes in memory, and how they are shown. CRC-32 by ISA-L (carry-less
// multiplication), SHA-256 from sha256.hpp. Thread-safe but for a Sha256Stream.
#pragma once

#include <tz/format/sha256.hpp>
#include <tz/format/tensorizer.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace tz::format {

/// CRC-32 as in zlib, continued from `crc` (0 to begin).
Crc32 crc32(std::span<const std::byte> bytes, Crc32 crc = 0);

/// CRC-32C (Castagnoli), the same way.
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t crc = 0);

/// The share that a piece with CRC `crc` has in the CRC of a whole in which `bytes_after` bytes
/// follow it. The CRC of the whole is the XOR of the shares of its pieces, in any order.
Crc32 crc32_share(Crc32 crc, std::uint64_t bytes_after);

/// The same of CRC-32C.
std::uint32_t crc32c_share(std::uint32_t crc, std::uint64_t bytes_after);

/// Lower-case hex digits.
std::string hex(std::span<const std::byte> bytes);

} // namespace tz::format
