// The stream cipher Salsa20/20 by AVX-512F, 16 blocks at once: what secretbox.cpp runs where the
// CPU can. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tz::format::salsa20_avx512 {

inline constexpr std::size_t key_bytes = 32;
inline constexpr std::size_t nonce_bytes = 8;
inline constexpr std::size_t block_bytes = 64;

/// Whether this CPU and its system have AVX-512F. Nothing else here may be called without it.
bool available();

/// XORs `in` with the key stream from block `first_block` on. `out` has the size of `in` and is the
/// same memory or does not overlap it. Leaves key and key stream in dead stack below the caller's
/// frame and in vector registers: the caller overwrites both.
void xor_stream(
    std::span<std::byte> out,
    std::span<const std::byte> in,
    std::span<const std::byte, key_bytes> key,
    std::span<const std::byte, nonce_bytes> nonce,
    std::uint64_t first_block);

} // namespace tz::format::salsa20_avx512
