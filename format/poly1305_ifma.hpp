// The MAC Poly1305 (RFC 8439, 2.5) by AVX-512 IFMA, 16 blocks at once: what secretbox.cpp runs
// where the CPU can. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace tz::format::poly1305_ifma {

inline constexpr std::size_t key_bytes = 32;

using Tag = std::array<std::byte, 16>;

/// Whether this CPU and its system have AVX-512F and IFMA. Nothing else here may be called without.
bool available();

/// The tag of `message` under a key that serves once. Leaves the key and its powers in dead stack
/// below the caller's frame and in vector registers: the caller overwrites both.
Tag authenticate(std::span<const std::byte> message, std::span<const std::byte, key_bytes> key);

} // namespace tz::format::poly1305_ifma
