// Which device a tensor goes to, and where in which block of its memory. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tz::cuda {

/// What kernels and copies like best; cudaMalloc gives no less.
inline constexpr std::uint64_t tensor_alignment = 256;

/// Blocks are no larger, unless a tensor is: a device has room in pieces, and each goes back to it
/// when the last of its tensors does. Few enough that allocating them takes no time.
inline constexpr std::uint64_t block_bytes_max = 1 << 30;

/// Where a tensor lies.
struct Place {
    std::size_t block = 0;
    std::uint64_t offset = 0;

    bool operator==(const Place&) const = default;
};

struct BlockLayout {
    std::vector<Place> places;         ///< by tensor
    std::vector<std::uint64_t> blocks; ///< their sizes

    std::uint64_t bytes() const; ///< of all blocks
};

/// Lays tensors of these sizes into blocks, one behind the other, so that neighbours in a file are
/// neighbours on the device and may be copied as one. Empty tensors take no room.
BlockLayout
lay_out(std::span<const std::uint64_t> sizes, std::uint64_t block_max = block_bytes_max);

/// Deals tensors of these sizes to `devices` devices so that each gets about as many bytes: the
/// largest first, each to the one that has least. Returns the number of the device for each tensor.
std::vector<std::size_t> deal(std::span<const std::uint64_t> sizes, std::size_t devices);

} // namespace tz::cuda
