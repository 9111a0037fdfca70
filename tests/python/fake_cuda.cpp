// What tests of Python say to the fake runtime, and ask it, by ctypes. See support/fake_cudart.hpp.
#include <tz/tests/support/fake_cudart.hpp>
#include <tz/tests/support/fake_cudart_state.hpp>

namespace {

/// The process's; as long as it lives, since Python says when a test begins.
tz::test::FakeCudart& runtime() {
    static tz::test::FakeCudart& made = *new tz::test::FakeCudart;
    return made;
}

std::string violations;
CUevent_st gate;

} // namespace

#define TZ_FAKE extern "C" __attribute__((visibility("default")))

/// Before each test. Nothing of the last is to be on a device.
TZ_FAKE void tz_fake_reset(unsigned delay_microseconds, std::uint64_t seed) {
    runtime();
    tz::test::fake_runtime().reset();
    tz::test::FakeCudart::leave_error(cudaSuccess);
    runtime().set_delays(delay_microseconds, seed);
}

/// What is enqueued from now on waits for tz_fake_release().
TZ_FAKE void tz_fake_hold(cudaStream_t stream) {
    ++gate.recorded;
    cudaStreamWaitEvent(stream, &gate, 0);
}

TZ_FAKE void tz_fake_release() {
    gate.reached = gate.recorded.load();
}

TZ_FAKE void tz_fake_leave_error(int error) {
    tz::test::FakeCudart::leave_error(error);
}

TZ_FAKE void tz_fake_set_driver(int devices, int version) {
    runtime().set_driver(devices, version);
}

TZ_FAKE void tz_fake_set_memory(std::uint64_t bytes) {
    runtime().set_memory(bytes);
}

TZ_FAKE void tz_fake_fail(const char* name, unsigned nth, int error) {
    runtime().fail(name, nth, error);
}

TZ_FAKE unsigned tz_fake_calls(const char* name) {
    return runtime().calls(name);
}

TZ_FAKE std::uint64_t tz_fake_device_bytes() {
    return runtime().device_bytes();
}

TZ_FAKE std::uint64_t tz_fake_pinned_bytes() {
    return runtime().pinned_bytes();
}

/// The device whose memory holds all of it, or -1.
TZ_FAKE int tz_fake_device_of(const void* data, std::uint64_t bytes) {
    for (int device = 0; device < tz::test::fake_runtime().devices; ++device)
        if (tz::test::fake_runtime().holds(device, data, bytes))
            return device;
    return -1;
}

/// In lines. Valid until the next call.
TZ_FAKE const char* tz_fake_violations() {
    violations.clear();
    for (const std::string& each : runtime().violations())
        violations += each + "\n";
    return violations.c_str();
}
