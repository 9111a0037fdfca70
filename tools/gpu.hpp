// What the NVIDIA driver says, found at run time: nothing is linked against it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tz::cli {

struct Gpu {
    std::string name;
    std::uint64_t memory_bytes = 0;
};

struct GpuFacts {
    std::string cuda;   ///< newest CUDA version that the driver takes, e.g. "12.8"
    std::string reason; ///< why there is no GPU to use; empty where there is one
    std::vector<Gpu> gpus;
};

/// Asks libcuda.so.1; makes no context on any GPU.
GpuFacts gpu_facts();

} // namespace tz::cli
