#include <tz/format/hash.hpp>

#include <isa-l/crc.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tz::format {

namespace {

// The copied bytes are hashed while they are still in the cache next to the core.
constexpr std::size_t copy_step_bytes = 64 << 10;

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

Crc32 crc32_share(Crc32 crc, std::uint64_t bytes_after) {
    return static_cast<Crc32>(crc32_combine(crc, 0, static_cast<z_off_t>(bytes_after)));
}

Crc32 copy_crc32(std::span<std::byte> to, std::span<const std::byte> from) {
    Crc32 crc = 0;
    for (std::size_t done = 0; done < from.size(); done += copy_step_bytes) {
        const std::size_t step = std::min(copy_step_bytes, from.size() - done);
        const std::span<std::byte> copied = to.subspan(done, step);
        std::memcpy(copied.data(), from.subspan(done).data(), step);
        // of the copy, not of the source: a mapped source can change in between
        crc = crc32(copied, crc);
    }
    return crc;
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
