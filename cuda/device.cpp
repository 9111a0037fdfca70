#include <tz/cuda/device.hpp>
#include <tz/cuda/device_error.hpp>
#include <tz/engine/start_thread.hpp>

#include <cuda_runtime_api.h>

#include <exception>
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
    Room room;
    on_device(device, [&] {
        check(device, cudaFree(nullptr), "cudaFree"); // makes the context
        room = room_here(device);
    });
    return room;
}

Room room_here(int device) {
    std::size_t free = 0;
    std::size_t total = 0;
    check(device, cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    return {free, total};
}

void on_device(int device, const std::function<void()>& work) {
    std::exception_ptr failure;
    const auto body = [&] {
        try {
            use_device(device);
            work();
        } catch (...) {
            failure = std::current_exception();
        }
    };
    start_thread(body).join();
    if (failure)
        std::rethrow_exception(failure);
}

void use_device(int device) {
    check(device, cudaSetDevice(device), "cudaSetDevice");
}

} // namespace tz::cuda
