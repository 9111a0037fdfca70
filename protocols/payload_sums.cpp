#include <tz/format/checksum.hpp>
#include <tz/format/hash.hpp>
#include <tz/protocols/base64.hpp>
#include <tz/protocols/payload_sums.hpp>

#include <array>
#include <vector>

namespace tz {

namespace {

std::vector<std::byte> sum_of(std::span<const std::byte> payload, format::ChecksumKind kind) {
    format::ChecksumStream stream(kind);
    stream.update(payload);
    return stream.finish().bytes;
}

} // namespace

PayloadSums payload_sums(std::span<const std::byte> payload, WantedSums wanted) {
    PayloadSums sums;
    if (wanted.sha256)
        sums.sha256 = format::hex(sum_of(payload, format::ChecksumKind::sha256));
    if (wanted.md5)
        sums.md5 = encode_base64(sum_of(payload, format::ChecksumKind::md5));
    if (wanted.crc32c)
        sums.crc32c = format::crc32c(payload);
    return sums;
}

std::string crc32c_text(std::uint32_t crc) {
    std::array<std::byte, 4> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::byte>(crc >> 8 * (3 - i));
    return encode_base64(bytes);
}

std::uint32_t crc32c_of_whole(std::uint32_t crc, std::uint64_t bytes_after) {
    return format::crc32c_share(crc, bytes_after);
}

} // namespace tz
