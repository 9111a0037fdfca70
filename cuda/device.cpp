#include <tz/cuda/device.hpp>
#include <tz/cuda/device_error.hpp>

#include <cuda_runtime_api.h>

#include <string>

namespace tz::cuda {

Room open_device(int device) {
    int count = 0; // first: without a driver every call fails, the one that looks for errors too
    check(device, cudaGetDeviceCount(&count), "cudaGetDeviceCount");
    check_entry(device);
    if (device < 0 || device >= count)
        throw DeviceError(
            device,
            cudaErrorInvalidDevice,
            "there is no such device: the driver shows " + std::to_string(count),
            count == 0 ? "look at CUDA_VISIBLE_DEVICES" : "they are counted from 0");
    const OnDevice here(device);
    check(device, cudaFree(nullptr), "cudaFree"); // makes the context
    Room room;
    std::size_t free = 0;
    std::size_t total = 0;
    check(device, cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    room.free = free;
    room.total = total;
    return room;
}

OnDevice::OnDevice(int device) {
    int before = -1;
    if (cudaGetDevice(&before) == cudaSuccess)
        before_ = before;
    use_device(device);
}

OnDevice::~OnDevice() {
    if (before_ >= 0 && cudaSetDevice(before_) != cudaSuccess)
        cudaGetLastError(); // what is wrong with the device, its next call says
}

void use_device(int device) {
    check(device, cudaSetDevice(device), "cudaSetDevice");
}

} // namespace tz::cuda
