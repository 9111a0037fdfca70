// Blocks of threads share each piece. Three kernels, one behind the other in the stream, since all
// blocks of a piece have to wait for its MAC.
#include <tz/cuda/open_pieces.hpp>

#include <cuda_runtime.h>

namespace tz::cuda {

namespace {

constexpr std::uint32_t threads = 256;
constexpr std::uint32_t groups_per_thread = 8; // fewer, and powers of the key cost more than they

/// The sum of the shares of the threads of a block.
__global__ void __launch_bounds__(threads)
    sum_shares(const PieceOrder* orders, std::uint32_t blocks, Residue* sums) {
    __shared__ MacKey key;
    __shared__ Residue shares[threads];
    const PieceOrder& order = orders[blockIdx.x / blocks];
    if (threadIdx.x == 0)
        key = mac_key(order);
    __syncthreads();
    shares[threadIdx.x] =
        share_of(order, key.r, blockIdx.x % blocks * threads + threadIdx.x, blocks * threads);
    __syncthreads();
    for (std::uint32_t half = threads / 2; half > 0; half /= 2) {
        if (threadIdx.x < half)
            shares[threadIdx.x] = shares[threadIdx.x] + shares[threadIdx.x + half];
        __syncthreads();
    }
    if (threadIdx.x == 0)
        sums[blockIdx.x] = shares[0];
}

/// A thread for each piece. Whoever has a sum and the ciphertext has the key, so sums are wiped.
__global__ void compare_macs(
    const PieceOrder* orders,
    std::uint32_t count,
    std::uint32_t blocks,
    Residue* sums,
    std::uint32_t* fits) {
    const std::uint32_t piece = blockIdx.x * threads + threadIdx.x;
    if (piece >= count)
        return;
    Residue sum{};
    for (std::uint32_t i = piece * blocks; i < (piece + 1) * blocks; ++i) {
        sum = sum + sums[i];
        sums[i] = Residue{};
    }
    fits[piece] = end_mac(orders[piece], mac_key(orders[piece]), sum) ? 1 : 0;
}

__global__ void __launch_bounds__(threads)
    decrypt_or_wipe(const PieceOrder* orders, std::uint32_t blocks, const std::uint32_t* fits) {
    const std::uint32_t piece = blockIdx.x / blocks;
    end_piece(
        orders[piece],
        fits[piece] != 0,
        blockIdx.x % blocks * threads + threadIdx.x,
        blocks * threads);
}

std::uint32_t blocks_for(std::uint64_t piece_bytes) {
    const std::uint64_t blocks = piece_bytes / (group_bytes * threads * groups_per_thread);
    return blocks == 0 ? 1 : blocks > blocks_per_piece_max ? blocks_per_piece_max : blocks;
}

} // namespace

bool has_kernels() {
    return true;
}

int enqueue_open(CUstream_st* stream, const OpenOrders& open) {
    const std::uint32_t blocks = blocks_for(open.longest);
    const std::uint32_t all = open.count * blocks;
    sum_shares<<<all, threads, 0, stream>>>(open.orders, blocks, open.sums);
    compare_macs<<<(open.count + threads - 1) / threads, threads, 0, stream>>>(
        open.orders, open.count, blocks, open.sums, open.fits);
    decrypt_or_wipe<<<all, threads, 0, stream>>>(open.orders, blocks, open.fits);
    return cudaGetLastError();
}

} // namespace tz::cuda
