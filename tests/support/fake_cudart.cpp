#include <tz/tests/support/fake_cudart.hpp>
#include <tz/tests/support/fake_cudart_state.hpp>

#include <utility>

namespace tz::test {

FakeRuntime& fake_runtime() {
    static FakeRuntime& runtime = []() -> FakeRuntime& {
        static FakeRuntime made;
        made.reset();
        return made;
    }();
    return runtime;
}

FakeCudart::FakeCudart() {
    fake_runtime().reset();
    cudaGetLastError();
}

FakeCudart::~FakeCudart() {
    fake_runtime().reset();
    cudaGetLastError();
}

void FakeCudart::set_driver(int devices, int version) {
    FakeRuntime& runtime = fake_runtime();
    const std::lock_guard lock(runtime.mutex);
    runtime.devices = devices;
    runtime.driver_version = version;
}

void FakeCudart::set_kernels(bool there) {
    const std::lock_guard lock(fake_runtime().mutex);
    fake_runtime().has_kernels = there;
}

void FakeCudart::set_memory(std::uint64_t bytes_per_device) {
    FakeRuntime& runtime = fake_runtime();
    const std::lock_guard lock(runtime.mutex);
    runtime.memory_bytes = bytes_per_device;
}

void FakeCudart::set_delays(unsigned microseconds, std::uint64_t seed) {
    FakeRuntime& runtime = fake_runtime();
    const std::lock_guard lock(runtime.mutex);
    runtime.delay_max = microseconds;
    runtime.random.seed(seed);
}

void FakeCudart::set_copy_time(std::chrono::microseconds time) {
    const std::lock_guard lock(fake_runtime().mutex);
    fake_runtime().copy_time = time;
}

double FakeCudart::copy_seconds(int device) const {
    const std::lock_guard lock(fake_runtime().mutex);
    return fake_runtime().copy_seconds[device];
}

void FakeCudart::fail(const std::string& name, unsigned nth, int error) {
    FakeRuntime& runtime = fake_runtime();
    const std::lock_guard lock(runtime.mutex);
    runtime.failures[name] = {runtime.calls[name] + nth, static_cast<cudaError_t>(error)};
}

void FakeCudart::fail_work(unsigned nth, int error) {
    fail("work", nth, error);
}

void FakeCudart::before_call(std::function<void(std::string_view name)> hook) {
    fake_runtime().before_call = std::move(hook);
}

void FakeCudart::leave_error(int error) {
    FakeRuntime::last_error() = static_cast<cudaError_t>(error);
}

int FakeCudart::last_error() {
    return FakeRuntime::last_error();
}

unsigned FakeCudart::calls(const std::string& name) const {
    FakeRuntime& runtime = fake_runtime();
    const std::lock_guard lock(runtime.mutex);
    return runtime.calls[name];
}

std::uint64_t FakeCudart::device_bytes() const {
    FakeRuntime& runtime = fake_runtime();
    const std::lock_guard lock(runtime.mutex);
    return runtime.allocated_bytes();
}

std::uint64_t FakeCudart::device_bytes_peak() const {
    FakeRuntime& runtime = fake_runtime();
    const std::lock_guard lock(runtime.mutex);
    return runtime.peak_bytes;
}

std::uint64_t FakeCudart::pinned_bytes() const {
    FakeRuntime& runtime = fake_runtime();
    const std::lock_guard lock(runtime.mutex);
    std::uint64_t bytes = 0;
    for (const auto& [begin, size] : runtime.pinned)
        bytes += size;
    return bytes;
}

std::set<int> FakeCudart::devices_used() const {
    FakeRuntime& runtime = fake_runtime();
    const std::lock_guard lock(runtime.mutex);
    return runtime.used;
}

unsigned FakeCudart::overtakings() const {
    FakeRuntime& runtime = fake_runtime();
    const std::lock_guard lock(runtime.mutex);
    return runtime.overtakings;
}

std::vector<std::string> FakeCudart::violations() const {
    FakeRuntime& runtime = fake_runtime();
    const std::lock_guard lock(runtime.mutex);
    return runtime.violations;
}

} // namespace tz::test
