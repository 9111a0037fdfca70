// A block of threads opens a piece.
#include <tz/cuda/open_pieces.hpp>

#include <cuda_runtime.h>

namespace tz::cuda {

namespace {

constexpr std::uint32_t threads = 256;

__global__ void __launch_bounds__(threads)
    open_pieces(const PieceOrder* orders, std::uint32_t* fits) {
    __shared__ PieceShared shared;
    __shared__ Residue sums[threads];
    const PieceOrder& order = orders[blockIdx.x];
    const std::uint32_t thread = threadIdx.x;
    if (thread == 0)
        begin_piece(order, shared);
    __syncthreads();
    sums[thread] = share_of(order, shared, thread, threads);
    __syncthreads();
    for (std::uint32_t half = threads / 2; half > 0; half /= 2) {
        if (thread < half)
            sums[thread] = sums[thread] + sums[thread + half];
        __syncthreads();
    }
    if (thread == 0) {
        end_mac(order, shared, sums[0]);
        fits[blockIdx.x] = shared.fits ? 1 : 0;
    }
    __syncthreads();
    end_piece(order, shared, thread, threads);
}

} // namespace

bool has_kernels() {
    return true;
}

int enqueue_open(
    CUstream_st* stream, const PieceOrder* orders, std::uint32_t count, std::uint32_t* fits) {
    open_pieces<<<count, threads, 0, stream>>>(orders, fits);
    return cudaGetLastError();
}

} // namespace tz::cuda
