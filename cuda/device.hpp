// The devices that the process sees, and which one a thread talks to.
#pragma once

#include <cstdint>
#include <functional>

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

/// What the device has that the calling thread talks to, which is `device`. Throws `DeviceError`.
Room room_here(int device);

/// Runs `work` on a thread that talks to `device`, and waits for it: a thread of the program goes
/// on with the device that it has. Set back afterwards, it would have the driver make a context on
/// that one, which takes memory of a device that the program may never use. For few calls; threads
/// of ours just call use_device(). Throws what `work` throws; `DeviceError`; and `Error`
/// (errc::limit) where the system grants no thread.
void on_device(int device, const std::function<void()>& work);

/// The calling thread talks to `device` from now on. Cheap. Throws `DeviceError`.
void use_device(int device);

} // namespace tz::cuda
