// The kernel that opens sealed pieces on a device.
#pragma once

#include <tz/cuda/open_piece.hpp>

#include <cstdint>

struct CUstream_st;

namespace tz::cuda {

/// Whether this build has it: it takes nvcc.
bool has_kernels();

/// Enqueues the opening of `count` pieces. `orders` and `fits` (one for each piece: 1 or 0) are
/// memory of the stream's device, to which the calling thread talks. Returns a `cudaError_t`.
int enqueue_open(
    CUstream_st* stream, const PieceOrder* orders, std::uint32_t count, std::uint32_t* fits);

} // namespace tz::cuda
