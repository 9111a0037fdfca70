// Rounding, and the block that reads past the page cache are made of.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tz {

/// Alignment of offsets, sizes and memory that direct reads of every device seen so far are content
/// with.
inline constexpr std::size_t direct_alignment = 4096;

constexpr std::uint64_t round_down(std::uint64_t value, std::uint64_t unit) {
    return value / unit * unit;
}

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
    return round_down(value + unit - 1, unit);
}

} // namespace tz
