// The kernel that opens sealed pieces on a device.
#pragma once

#include <tz/cuda/open_piece.hpp>

#include <cstdint>

struct CUstream_st;

namespace tz::cuda {

/// Whether this build has it: it takes nvcc.
bool has_kernels();

/// So many of the device's blocks of threads share a piece at most.
inline constexpr std::uint32_t blocks_per_piece_max = 16;

/// Pieces to open together. All of it is memory of the device.
struct OpenOrders {
    const PieceOrder* orders;
    std::uint32_t count;
    std::uint64_t longest; ///< bytes of the longest piece
    Residue* sums;         ///< room for `blocks_per_piece_max` a piece; wiped behind the work
    std::uint32_t* fits;   ///< one for each piece: 1 or 0
};

/// Enqueues the opening. The calling thread talks to the stream's device. Returns a `cudaError_t`.
int enqueue_open(CUstream_st* stream, const OpenOrders& open);

} // namespace tz::cuda
