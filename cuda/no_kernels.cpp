// What stands for open_pieces.cu where there is no nvcc.
#include <tz/cuda/open_pieces.hpp>

#include <cuda_runtime_api.h>

namespace tz::cuda {

bool has_kernels() {
    return false;
}

int enqueue_open(CUstream_st* /*stream*/, const OpenOrders& /*open*/) {
    return cudaErrorNotSupported;
}

} // namespace tz::cuda
