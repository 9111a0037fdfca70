#include <tz/cuda/device.hpp>
#include <tz/cuda/device_error.hpp>
#include <tz/cuda/device_memory.hpp>

#include <cuda_runtime_api.h>

#include <string>

namespace tz::cuda {

DeviceBlock::DeviceBlock(int device, std::uint64_t bytes) : bytes_(bytes), device_(device) {
    const OnDevice here(device);
    void* data = nullptr;
    const cudaError_t error = cudaMalloc(&data, bytes);
    if (error == cudaErrorMemoryAllocation) {
        cudaGetLastError();
        throw DeviceError(
            device,
            error,
            "no room for " + std::to_string(bytes) + " bytes on the device",
            "free memory of the device, or load fewer tensors");
    }
    check(device, error, "cudaMalloc");
    data_ = static_cast<std::byte*>(data);
}

DeviceBlock::~DeviceBlock() {
    try {
        const OnDevice here(device_);
        check(device_, cudaFree(data_), "cudaFree");
    } catch (const DeviceError&) { // sticky: the memory goes with the process
        return;
    }
}

void copy_to_host(int device, const std::byte* from, std::span<std::byte> to) {
    const OnDevice here(device);
    check(
        device,
        cudaMemcpy(to.data(), from, to.size(), cudaMemcpyDeviceToHost),
        "cudaMemcpy from the device");
}

} // namespace tz::cuda
