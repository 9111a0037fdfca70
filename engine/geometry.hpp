// How many lanes, and how large their chunks. Pure decisions: first for the life of an Engine, when
// the sources aren't known, then for each load.
#pragma once

#include <tz/engine/options.hpp>
#include <tz/engine/source.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace tz {

/// Of an Engine.
struct Geometry {
    std::size_t chunk_bytes = 0;
    /// Of one lane's staging: a chunk, and on each side what alignment may add.
    std::size_t buffer_bytes = 0;
    unsigned lanes = 0;   ///< over all loops, for files
    unsigned buffers = 0; ///< reserved; what any load may use
    unsigned loops = 0;
};

/// Of one host in a load.
struct LaneShare {
    unsigned lanes = 0;     ///< to start with
    unsigned lanes_max = 0; ///< that its Pacer may ask for

    bool operator==(const LaneShare&) const = default;
};

/// Smallest chunk: below it the cost of a read outweighs its bytes.
inline constexpr std::size_t chunk_bytes_min = 64 << 10;
/// Largest chunk: more never paid, and a read stays far below the kernel's 2 GiB.
inline constexpr std::size_t chunk_bytes_max = 256 << 20;
/// Most lanes: an io_uring of 4096 entries holds them all.
inline constexpr unsigned lanes_max = 1024;
inline constexpr unsigned loops_max = 64;
inline constexpr unsigned workers_max = 1024;

/// Keeps lanes x buffer within the memory limit: what the caller set stays, what was left open
/// gives way. Throws `tz::Error` (errc::usage, errc::limit) where that can't be.
Geometry choose_geometry(const EngineOptions& options, const Preference& preference = {});

/// How many neighbouring buffers each lane of a load takes as one: its chunk has as many times the
/// engine's. More than one only where all hosts prefer larger chunks, `options` leave the size
/// open, and all lanes that may come to work still fit.
unsigned choose_width(
    const Geometry& geometry, const EngineOptions& options, std::span<const Preference> hosts);

/// Deals `total` lanes, at least one for each host, in proportion to what the hosts want. `fixed`:
/// all of them, for good; else each host starts with what it prefers, where that fits, and may come
/// to have a share of the rest.
std::vector<LaneShare> deal_lanes(std::span<const Preference> hosts, unsigned total, bool fixed);

} // namespace tz
