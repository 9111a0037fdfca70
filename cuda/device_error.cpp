#include <tz/cuda/device_error.hpp>

#include <cuda_runtime_api.h>

#include <algorithm>
#include <array>

namespace tz::cuda {

namespace {

// "The process must be terminated and relaunched", says the runtime's manual of each of these.
constexpr std::array sticky_codes{
    cudaErrorIllegalAddress,
    cudaErrorLaunchTimeout,
    cudaErrorAssert,
    cudaErrorHardwareStackError,
    cudaErrorIllegalInstruction,
    cudaErrorMisalignedAddress,
    cudaErrorInvalidAddressSpace,
    cudaErrorInvalidPc,
    cudaErrorLaunchFailure,
    cudaErrorECCUncorrectable,
    cudaErrorNvlinkUncorrectable,
    cudaErrorExternalDevice,
    cudaErrorTensorMemoryLeak,
    cudaErrorMpsClientTerminated,
    cudaErrorContained,
};

std::string text_of(int code) {
    const auto error = static_cast<cudaError_t>(code);
    return std::string(cudaGetErrorString(error)) + " (" + cudaGetErrorName(error) + ")";
}

std::string version_text(int version) {
    return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

/// The driver says the same of one that is too old and of one that is not there.
DeviceError driver_error(int device, int code) {
    int version = 0;
    cudaDriverGetVersion(&version);
    if (version == 0)
        return {device, code, "there is no NVIDIA driver", "install it, or leave out the device"};
    return {
        device,
        code,
        "the NVIDIA driver knows CUDA " + version_text(version) + " at most, and " +
            version_text(CUDART_VERSION) + " is needed",
        "install a newer driver"};
}

std::string hint_of(int code) {
    if (is_sticky(code))
        return "end this process: its device takes no more work";
    switch (code) {
    case cudaErrorInitializationError:
        return "a process that was forked cannot use the CUDA of its parent";
    case cudaErrorDevicesUnavailable:
        return "another process has the device for itself";
    default:
        return {};
    }
}

} // namespace

DeviceError::DeviceError(int device, int code, const std::string& what, const std::string& hint)
    : Error(Error(code == cudaErrorMemoryAllocation ? errc::limit : errc::device, what, {}, hint)
                .in(device_name(device))),
      device_(device),
      code_(code) {}

bool DeviceError::sticky() const noexcept {
    return is_sticky(code_);
}

bool is_sticky(int code) noexcept {
    return std::find(sticky_codes.begin(), sticky_codes.end(), code) != sticky_codes.end();
}

void check(int device, int code, std::string_view call) {
    if (code == cudaSuccess)
        return;
    cudaGetLastError();
    switch (code) {
    case cudaErrorInsufficientDriver:
        throw driver_error(device, code);
    case cudaErrorNoDevice:
        throw DeviceError(
            device,
            code,
            "the NVIDIA driver sees no GPU",
            "look at CUDA_VISIBLE_DEVICES, or leave out the device");
    default:
        throw DeviceError(
            device, code, std::string(call) + " failed: " + text_of(code), hint_of(code));
    }
}

void check_entry(int device) {
    const int code = cudaPeekAtLastError();
    if (code == cudaSuccess)
        return;
    throw DeviceError(
        device,
        code,
        "a call of CUDA before this load failed: " + text_of(code),
        is_sticky(code) ? hint_of(code) : "have the program deal with it (cudaGetLastError)");
}

std::string device_name(int device) {
    return device < 0 ? "cuda" : "cuda:" + std::to_string(device);
}

} // namespace tz::cuda
