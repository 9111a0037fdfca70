// What a payload is checked with at its other end. Pure; computed on workers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace tz {

struct PayloadSums {
    std::string sha256; ///< hexadecimal, as signatures have it
    std::string md5;    ///< base64, as Content-MD5 has it
    std::uint32_t crc32c = 0;
};

/// Which of them; the rest stays as it is.
struct WantedSums {
    bool sha256 = false;
    bool md5 = false;
    bool crc32c = false;
};

/// Throws `tz::Error` (errc::unsupported) where OpenSSL may not compute MD5.
PayloadSums payload_sums(std::span<const std::byte> payload, WantedSums wanted);

/// As x-amz-checksum-crc32c has it.
std::string crc32c_text(std::uint32_t crc);

/// The share of a part's CRC-32C in that of the whole, in which `bytes_after` follow. The whole's
/// is the XOR of all shares.
std::uint32_t crc32c_of_whole(std::uint32_t crc, std::uint64_t bytes_after);

} // namespace tz
