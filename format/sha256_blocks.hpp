// The compression function of SHA-256 (FIPS 180-4) with the SHA instructions of x86-64, over the
// whole blocks of up to three streams at once. Only sha256.cpp uses it, which has OpenSSL for
// machines without these instructions. Pure; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace tz::format {

inline constexpr std::size_t sha256_block_bytes = 64;

/// More don't pay: three keep a core's SHA unit busy, and a fourth's registers would be in memory.
inline constexpr std::size_t sha256_runs_max = 3;

/// FIPS 180-4's H(0) to H(7).
using Sha256State = std::array<std::uint32_t, 8>;

/// A state and the whole blocks that it is to be brought over.
struct Sha256Run {
    Sha256State* state;
    std::span<const std::byte> blocks;
};

/// Whether this machine has the instructions; false on anything but x86-64.
bool has_sha_ni() noexcept;

/// Brings each state over the first `count` blocks of its run. One run to sha256_runs_max, each
/// with a state of its own; only where the instructions are.
void sha256_blocks(std::span<const Sha256Run> runs, std::size_t count);

} // namespace tz::format
