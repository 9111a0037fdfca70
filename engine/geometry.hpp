// How many lanes, and how large their chunks. A pure decision.
#pragma once

#include <tz/engine/options.hpp>

#include <cstddef>

namespace tz {

/// What a kind of source likes best.
struct Preference {
    std::size_t chunk_bytes = 4 << 20;
    unsigned lanes = 16;
    unsigned loops = 1;
};

struct Geometry {
    std::size_t chunk_bytes = 0;
    /// Of one lane's staging: a chunk, and on each side what alignment may add.
    std::size_t buffer_bytes = 0;
    unsigned lanes = 0; ///< over all loops
    unsigned loops = 0;
};

/// Smallest chunk: below it the cost of a read outweighs its bytes.
inline constexpr std::size_t chunk_bytes_min = 64 << 10;
/// Largest chunk: more never paid, and a read stays far below the kernel's 2 GiB.
inline constexpr std::size_t chunk_bytes_max = 256 << 20;
/// Most lanes: an io_uring of 4096 entries holds them all.
inline constexpr unsigned lanes_max = 1024;
inline constexpr unsigned loops_max = 64;

/// Keeps lanes x buffer within the memory limit: what the caller set stays, what was left open
/// gives way. Throws `tz::Error` (errc::usage, errc::limit) where that can't be.
Geometry choose_geometry(const EngineOptions& options, const Preference& preference = {});

} // namespace tz
