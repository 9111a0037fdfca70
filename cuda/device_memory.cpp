#include <tz/cuda/device.hpp>
#include <tz/cuda/device_error.hpp>
#include <tz/cuda/device_memory.hpp>

#include <cuda_runtime_api.h>

#include <string>

namespace tz::cuda {

DeviceBlock::DeviceBlock(int device, std::uint64_t bytes) : bytes_(bytes), device_(device) {
    on_device(device, [this] {
        void* data = nullptr;
        const cudaError_t error = cudaMalloc(&data, bytes_);
        if (error == cudaErrorMemoryAllocation) {
            cudaGetLastError();
            throw DeviceError(
                device_,
                error,
                "no room for " + std::to_string(bytes_) + " bytes on the device",
                "free memory of the device, or load fewer tensors");
        }
        check(device_, error, "cudaMalloc");
        data_ = static_cast<std::byte*>(data);
    });
}

// Either call may tell of an error of earlier work instead of doing its own: so twice.
DeviceBlock::~DeviceBlock() {
    if (!try_to_free())
        try_to_free();
}

bool DeviceBlock::try_to_free() noexcept {
    try {
        on_device(device_, [this] { check(device_, cudaFree(data_), "cudaFree"); });
        return true;
    } catch (const Error&) { // sticky, or no thread is left: the memory goes with the process
        return false;
    }
}

void copy_to_host(int device, const std::byte* from, std::span<std::byte> to) {
    on_device(device, [=] {
        check(
            device,
            cudaMemcpy(to.data(), from, to.size(), cudaMemcpyDeviceToHost),
            "cudaMemcpy from the device");
    });
}

} // namespace tz::cuda
