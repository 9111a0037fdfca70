// What stands for open_pieces.cu where there is no nvcc.
#include <tz/cuda/open_pieces.hpp>

#include <cuda_runtime_api.h>

namespace tz::cuda {

bool has_kernels() {
    return false;
}

int enqueue_open(
    CUstream_st* /*stream*/,
    const PieceOrder* /*orders*/,
    std::uint32_t /*count*/,
    std::uint32_t* /*fits*/) {
    return cudaErrorNotSupported;
}

} // namespace tz::cuda
