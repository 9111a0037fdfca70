// What CUDA answers, as errors that say which device, which call, and what to do.
#pragma once

#include <tz/format/error.hpp>

#include <string>
#include <string_view>

namespace tz::cuda {

/// A call of CUDA that failed; kind errc::device, or errc::limit where the device has no room. Its
/// source is the device, as "cuda:0".
class DeviceError : public Error {
public:
    DeviceError(int device, int code, const std::string& what, const std::string& hint = {});

    /// Among the devices that the process sees, from 0 on; -1 where none is to blame.
    int device() const noexcept { return device_; }

    /// CUDA's number of it (`cudaError_t`); 0 where CUDA was not asked.
    int code() const noexcept { return code_; }

    /// Every later call on the device fails too: the process has to end.
    bool sticky() const noexcept;

private:
    int device_;
    int code_;
};

/// Of a `cudaError_t`. Pure.
bool is_sticky(int code) noexcept;

/// Throws where `code`, the answer of `call`, is an error. What isn't sticky is taken off the
/// thread's record, so that the program around us doesn't find it.
void check(int device, int code, std::string_view call);

/// Throws where a call before ours left an error on the calling thread, or on the device: it is the
/// program's, and stays.
void check_entry(int device);

/// "cuda:0".
std::string device_name(int device);

} // namespace tz::cuda
