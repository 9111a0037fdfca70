// Salsa20's blocks of key stream. The same code runs on devices and on the host.
#pragma once

#include <tz/cuda/both.hpp>

#include <cstdint>

namespace tz::cuda {

TZ_BOTH inline std::uint32_t rotated(std::uint32_t word, int bits) {
    return (word << bits) | (word >> (32 - bits));
}

TZ_BOTH inline void
quarter(std::uint32_t& a, std::uint32_t& b, std::uint32_t& c, std::uint32_t& d) {
    b ^= rotated(a + d, 7);
    c ^= rotated(b + a, 9);
    d ^= rotated(c + b, 13);
    a ^= rotated(d + c, 18);
}

/// Block `index` of the stream of `key` and `nonce`, as little-endian words.
TZ_BOTH inline void salsa20(
    const std::uint32_t (&key)[8],
    const std::uint32_t (&nonce)[2],
    std::uint64_t index,
    std::uint32_t (&block)[16]) {
    const std::uint32_t start[16] = {
        0x61707865,
        key[0],
        key[1],
        key[2],
        key[3],
        0x3320646e,
        nonce[0],
        nonce[1],
        static_cast<std::uint32_t>(index),
        static_cast<std::uint32_t>(index >> 32),
        0x79622d32,
        key[4],
        key[5],
        key[6],
        key[7],
        0x6b206574};
    std::uint32_t x[16];
    for (int i = 0; i < 16; ++i)
        x[i] = start[i];
    for (int round = 0; round < 10; ++round) {
        quarter(x[0], x[4], x[8], x[12]);
        quarter(x[5], x[9], x[13], x[1]);
        quarter(x[10], x[14], x[2], x[6]);
        quarter(x[15], x[3], x[7], x[11]);
        quarter(x[0], x[1], x[2], x[3]);
        quarter(x[5], x[6], x[7], x[4]);
        quarter(x[10], x[11], x[8], x[9]);
        quarter(x[15], x[12], x[13], x[14]);
    }
    for (int i = 0; i < 16; ++i)
        block[i] = x[i] + start[i];
}

} // namespace tz::cuda
