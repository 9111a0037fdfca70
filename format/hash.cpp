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

/// Of two polynomials, modulo that of CRC-32C. zlib has this for its own CRC only.
std::uint32_t crc32c_product(std::uint32_t a, std::uint32_t b) {
    constexpr std::uint32_t polynomial = 0x82f63b78; // its bits from right to left
    std::uint32_t product = 0;
    for (std::uint32_t bit = 1u << 31; bit != 0; bit >>= 1) {
        if ((a & bit) != 0)
            product ^= b;
        b = (b >> 1) ^ ((b & 1) != 0 ? polynomial : 0);
    }
    return product;
}

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

std::uint32_t crc32c_share(std::uint32_t crc, std::uint64_t bytes_after) {
    std::uint32_t shift = 1u << 31;  // x^0, as CRCs have their bits
    std::uint32_t square = 1u << 23; // x^8
    for (; bytes_after != 0; bytes_after >>= 1) {
        if ((bytes_after & 1) != 0)
            shift = crc32c_product(square, shift);
        square = crc32c_product(square, square);
    }
    return crc32c_product(shift, crc);
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
