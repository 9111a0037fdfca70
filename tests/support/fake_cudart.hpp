// CUDA's runtime without a GPU, linked in place of NVIDIA's: memory of a device is memory of the
// host, a stream is a thread that takes its time. It fails when told to, and notes what a program
// must not do: change memory that a copy still reads, free or unpin it, or use an allocation past
// its end.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tz::test {

/// The runtime's state is the process's; this resets it and speaks for it. Thread-safe.
class FakeCudart {
public:
    FakeCudart();
    /// All that was allocated, pinned and made must be gone; what isn't is a violation too.
    ~FakeCudart();
    FakeCudart(const FakeCudart&) = delete;
    FakeCudart& operator=(const FakeCudart&) = delete;

    /// Before the first call. `version` is the newest CUDA that the driver knows; 0: no driver.
    void set_driver(int devices, int version = 13000);
    /// Whether the build has code for devices.
    void set_kernels(bool there);
    void set_memory(std::uint64_t bytes_per_device);
    /// Each operation of a stream takes from 0 to `microseconds`, drawn by `seed`.
    void set_delays(unsigned microseconds, std::uint64_t seed);

    /// Each copy to a device takes so long, and a device does one after the other, as its one copy
    /// engine does.
    void set_copy_time(std::chrono::microseconds time);
    /// How long the copy engine of the device worked, or could have.
    double copy_seconds(int device) const;

    /// The `nth` call from now on (1 is the next) of the function called `name` answers `error`,
    /// and does nothing. A sticky error (cudaErrorIllegalAddress) is the answer to all later calls
    /// too.
    void fail(const std::string& name, unsigned nth, int error);
    /// Work of a stream fails when it comes to run: the `nth` operation from now on.
    void fail_work(unsigned nth, int error);
    /// Called with the name of each call, on its thread, before it does anything; what it throws
    /// comes out of the call. Set while there is none.
    void before_call(std::function<void(std::string_view name)> hook);
    /// An error that the program around us left on the calling thread.
    static void leave_error(int error);
    static int last_error();

    /// How often the function was called.
    unsigned calls(const std::string& name) const;
    std::uint64_t device_bytes() const; ///< allocated
    std::uint64_t device_bytes_peak() const;
    std::uint64_t pinned_bytes() const;
    /// The devices that have a context: that a thread was told to talk to, or talked to untold.
    std::set<int> devices_used() const;
    /// Operations that overtook an earlier one of another stream.
    unsigned overtakings() const;

    std::vector<std::string> violations() const;
};

} // namespace tz::test
