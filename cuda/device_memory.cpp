#include <tz/cuda/device.hpp>
#include <tz/cuda/device_error.hpp>
#include <tz/cuda/device_memory.hpp>

#include <cuda_runtime_api.h>

#include <string>

namespace tz::cuda {

DeviceBlock::DeviceBlock(int device, std::uint64_t bytes) : bytes_(bytes), device_(device) {
    on_device(device, [this] { allocate(); });
}

DeviceBlock::DeviceBlock(Here, int device, std::uint64_t bytes) : bytes_(bytes), device_(device) {
    allocate();
}

void DeviceBlock::allocate() {
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
}

// What comes before cudaFree may tell of an error of earlier work, or find no memory: so twice.
DeviceBlock::~DeviceBlock() {
    if (!try_to_free())
        try_to_free();
}

bool DeviceBlock::try_to_free() noexcept {
    bool called = false;
    try {
        on_device(device_, [this, &called] {
            // Once: its error may be of earlier work, and the address is another thread's by now.
            called = true;
            if (cudaFree(data_) != cudaSuccess)
                cudaGetLastError();
        });
    } catch (...) { // no thread, no memory or no device is left: this goes with the process
        return called;
    }
    return called;
}

bool clear_now(int device, std::byte* data, std::uint64_t bytes) noexcept {
    const auto clear = [=] {
        const bool cleared = cudaSetDevice(device) == cudaSuccess &&
                             cudaMemset(data, 0, bytes) == cudaSuccess &&
                             cudaStreamSynchronize(cudaStreamLegacy) == cudaSuccess;
        if (!cleared)
            cudaGetLastError();
        return cleared;
    };
    return clear() || clear(); // the first may tell of an error of earlier work
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
