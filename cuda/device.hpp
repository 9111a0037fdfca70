// The devices that the process sees, and which one a thread talks to.
#pragma once

#include <cstdint>

namespace tz::cuda {

/// How much memory a device has.
struct Room {
    std::uint64_t free = 0;
    std::uint64_t total = 0;
};

/// Makes the device ready for use, which takes its time the first time in a process, and says what
/// it has. Throws `DeviceError`: no driver, an old one, no GPU, none of this number, or an error
/// that the program left behind.
Room open_device(int device);

/// The calling thread talks to `device` until this ends; then to the one it talked to before. On
/// threads of the program; threads of ours just call use_device().
class OnDevice {
public:
    /// Throws `DeviceError`.
    explicit OnDevice(int device);
    ~OnDevice();
    OnDevice(const OnDevice&) = delete;
    OnDevice& operator=(const OnDevice&) = delete;

private:
    int before_ = -1;
};

/// The calling thread talks to `device` from now on. Cheap. Throws `DeviceError`.
void use_device(int device);

} // namespace tz::cuda
