#include <tz/format/hash.hpp>

#include <isa-l/crc.h>
#include <zlib.h>

#include <algorithm>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tz::format {

namespace {

#if defined(__x86_64__)

[[gnu::target("avx")]] void zero_upper_halves() {
    _mm256_zeroupper();
}

/// ISA-L 2.30's AVX-512 code returns without vzeroupper. SSE instructions then have to keep the
/// upper halves of their registers, on this thread and until somebody clears them: SHA-256 after a
/// CRC ran at a third of its rate.
void leave_avx() {
    static const bool has_avx = __builtin_cpu_supports("avx") != 0;
    if (has_avx)
        zero_upper_halves();
}

#else

void leave_avx() {}

#endif

} // namespace

Crc32 crc32(std::span<const std::byte> bytes, Crc32 crc) {
    if (bytes.empty())
        return crc;
    crc = crc32_gzip_refl(crc, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    leave_avx();
    return crc;
}

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t crc) {
    constexpr std::size_t step = 1 << 30; // ISA-L counts in int
    for (; !bytes.empty(); bytes = bytes.subspan(std::min(step, bytes.size()))) {
        const auto size = static_cast<int>(std::min(step, bytes.size()));
        auto* from = reinterpret_cast<unsigned char*>(const_cast<std::byte*>(bytes.data()));
        crc = ~crc32_iscsi(from, size, ~crc); // which does not write there
    }
    leave_avx();
    return crc;
}

Crc32 crc32_share(Crc32 crc, std::uint64_t bytes_after) {
    return static_cast<Crc32>(crc32_combine(crc, 0, static_cast<z_off_t>(bytes_after)));
}

std::string hex(std::span<const std::byte> bytes) {
    constexpr const char* digits = "0123456789abcdef";
    std::string text;
    text.reserve(2 * bytes.size());
    for (const std::byte byte : bytes) {
        text += digits[std::to_integer<unsigned>(byte) >> 4];
        text += digits[std::to_integer<unsigned>(byte) & 15];
    }
    return text;
}

} // namespace tz::format
