// Devices, memory and errors of the fake runtime.
#include <tz/cuda/device_error.hpp>
#include <tz/tests/support/fake_cudart_state.hpp>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace tz::test {

namespace {

thread_local int current_device = 0;

/// What needs a context, and makes it on the device that the thread talks to.
const std::set<std::string, std::less<>> makes_context{
    "cudaEventCreateWithFlags",
    "cudaFree",
    "cudaHostRegister",
    "cudaHostUnregister",
    "cudaMalloc",
    "cudaMemGetInfo",
    "cudaMemcpy",
    "cudaMemset",
    "cudaStreamCreateWithFlags"};

} // namespace

cudaError_t& FakeRuntime::last_error() {
    thread_local cudaError_t error = cudaSuccess;
    return error;
}

void FakeRuntime::reset() {
    std::map<int, CUstream_st> ended; // without the mutex: their threads may wait for it
    const std::lock_guard lock(mutex);
    legacy_streams.swap(ended);
    const char* asked = std::getenv("TZ_FAKE_DEVICES"); // of programs that tests start
    devices = asked ? std::atoi(asked) : 1;
    has_kernels = true;
    before_call = {};
    driver_version = 13000;
    memory_bytes = std::uint64_t{1} << 34;
    peak_bytes = 0;
    delay_max = 0;
    copy_time = std::chrono::microseconds(0);
    copy_seconds.clear();
    copies_ended.clear();
    calls.clear();
    failures.clear();
    sticky = cudaSuccess;
    allocations.clear();
    pinned.clear();
    orders.clear();
    violations.clear();
    used.clear();
    overtakings = 0;
}

cudaError_t FakeRuntime::answer(cudaError_t error) {
    if (error != cudaSuccess)
        last_error() = error;
    return error;
}

cudaError_t FakeRuntime::enter(const char* name) {
    if (before_call)
        before_call(name);
    const std::lock_guard lock(mutex);
    auto call = calls.find(name); // by what takes no memory, as CUDA's calls take none of ours
    if (call == calls.end())
        call = calls.emplace(name, 0).first;
    const unsigned count = ++call->second;
    if (sticky != cudaSuccess)
        return answer(sticky);
    if (driver_version < 12000)
        return answer(cudaErrorInsufficientDriver);
    if (devices == 0)
        return answer(cudaErrorNoDevice);
    if (makes_context.contains(name))
        used.insert(current_device);
    const auto failure = failures.find(name);
    if (failure == failures.end() || failure->second.at != count)
        return cudaSuccess;
    if (cuda::is_sticky(failure->second.error))
        sticky = failure->second.error;
    return answer(failure->second.error);
}

void FakeRuntime::violate(const std::string& what) {
    const std::lock_guard lock(mutex);
    if (sticky == cudaSuccess) // else nothing runs any more
        violations.push_back(what);
}

std::uint64_t FakeRuntime::allocated_bytes() const {
    std::uint64_t bytes = 0;
    for (const auto& [begin, allocation] : allocations)
        bytes += allocation.bytes;
    return bytes;
}

bool FakeRuntime::holds(int device, const void* data, std::size_t bytes) const {
    const std::lock_guard lock(const_cast<std::mutex&>(mutex));
    const auto* begin = static_cast<const std::byte*>(data);
    auto behind = allocations.upper_bound(begin);
    if (behind == allocations.begin())
        return false;
    const auto& [at, allocation] = *--behind;
    return allocation.device == device && begin + bytes <= at + allocation.bytes;
}

bool FakeRuntime::is_pinned(const void* data, std::size_t bytes) {
    const std::lock_guard lock(mutex);
    const auto* begin = static_cast<const std::byte*>(data);
    auto behind = pinned.upper_bound(begin);
    return behind != pinned.begin() && begin + bytes <= (--behind)->first + behind->second;
}

unsigned FakeRuntime::draw_delay() {
    const std::lock_guard lock(mutex);
    return delay_max == 0 ? 0 : static_cast<unsigned>(random() % (delay_max + 1));
}

void FakeRuntime::note_run(std::uint64_t number) {
    const std::lock_guard lock(mutex);
    overtakings += number < run_last;
    run_last = number;
}

} // namespace tz::test

using tz::test::current_device;
using tz::test::fake_runtime;
using tz::test::FakeRuntime;

extern "C" {

cudaError_t cudaGetLastError() {
    const cudaError_t error = cudaPeekAtLastError();
    FakeRuntime::last_error() = cudaSuccess;
    return error;
}

cudaError_t cudaPeekAtLastError() {
    const cudaError_t sticky = fake_runtime().sticky;
    return sticky != cudaSuccess ? sticky : FakeRuntime::last_error();
}

const char* cudaGetErrorName(cudaError_t error) {
    if (error == cudaSuccess)
        return "cudaSuccess";
    return error == cudaErrorIllegalAddress ? "cudaErrorIllegalAddress" : "cudaErrorOfTheTest";
}

const char* cudaGetErrorString(cudaError_t /*error*/) {
    return "the fake runtime says so";
}

cudaError_t cudaDriverGetVersion(int* version) {
    *version = fake_runtime().driver_version;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int* count) {
    *count = 0;
    if (const auto error = fake_runtime().enter("cudaGetDeviceCount"))
        return error;
    *count = fake_runtime().devices;
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
    if (const auto error = fake_runtime().enter("cudaSetDevice"))
        return error;
    if (device < 0 || device >= fake_runtime().devices)
        return FakeRuntime::answer(cudaErrorInvalidDevice);
    current_device = device;
    const std::lock_guard lock(fake_runtime().mutex);
    fake_runtime().used.insert(device);
    return cudaSuccess;
}

cudaError_t cudaGetDevice(int* device) {
    *device = current_device;
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
    FakeRuntime& runtime = fake_runtime();
    if (const auto error = runtime.enter("cudaMemGetInfo"))
        return error;
    const std::lock_guard lock(runtime.mutex);
    std::uint64_t used = 0;
    for (const auto& [begin, allocation] : runtime.allocations)
        used += allocation.device == current_device ? allocation.bytes : 0;
    *total = runtime.memory_bytes;
    *free = runtime.memory_bytes - used;
    return cudaSuccess;
}

cudaError_t cudaMalloc(void** data, size_t bytes) {
    FakeRuntime& runtime = fake_runtime();
    if (const auto error = runtime.enter("cudaMalloc"))
        return error;
    FakeRuntime::Allocation allocation;
    allocation.memory = std::make_unique<std::byte[]>(bytes);
    std::memset(allocation.memory.get(), 0xdb, bytes); // of whoever had it before
    allocation.bytes = bytes;
    allocation.device = current_device;
    const std::lock_guard lock(runtime.mutex);
    *data = allocation.memory.get();
    runtime.allocations[allocation.memory.get()] = std::move(allocation);
    runtime.peak_bytes = std::max(runtime.peak_bytes, runtime.allocated_bytes());
    return cudaSuccess;
}

cudaError_t cudaFree(void* data) {
    FakeRuntime& runtime = fake_runtime();
    const auto error = runtime.enter("cudaFree");
    if (error != cudaSuccess || data == nullptr)
        return error;
    const std::lock_guard lock(runtime.mutex);
    const auto known = runtime.allocations.find(static_cast<std::byte*>(data));
    if (known == runtime.allocations.end())
        return FakeRuntime::answer(cudaErrorInvalidValue);
    const std::byte* end = known->first + known->second.bytes;
    for (auto at = runtime.orders.lower_bound(known->first);
         at != runtime.orders.end() && at->first < end;
         at = runtime.orders.erase(at))
        if (std::any_of(
                at->first, at->first + at->second, [](std::byte b) { return b != std::byte{0}; }))
            runtime.violations.emplace_back("keys are left in memory that goes back to the device");
    runtime.allocations.erase(known);
    return cudaSuccess;
}

cudaError_t cudaHostRegister(void* data, size_t bytes, unsigned int /*flags*/) {
    FakeRuntime& runtime = fake_runtime();
    if (const auto error = runtime.enter("cudaHostRegister"))
        return error;
    const std::lock_guard lock(runtime.mutex);
    const bool fresh = runtime.pinned.emplace(static_cast<std::byte*>(data), bytes).second;
    return fresh ? cudaSuccess : FakeRuntime::answer(cudaErrorHostMemoryAlreadyRegistered);
}

cudaError_t cudaHostUnregister(void* data) {
    FakeRuntime& runtime = fake_runtime();
    const auto error = runtime.enter("cudaHostUnregister");
    const std::lock_guard lock(runtime.mutex);
    const auto piece = runtime.pinned.find(static_cast<std::byte*>(data));
    if (piece == runtime.pinned.end())
        return FakeRuntime::answer(cudaErrorHostMemoryNotRegistered);
    const auto first = runtime.read_by_copies.lower_bound(piece->first);
    if (runtime.sticky == cudaSuccess && first != runtime.read_by_copies.end() &&
        *first < piece->first + piece->second)
        runtime.violations.emplace_back("memory is unpinned while a copy has yet to read it");
    runtime.pinned.erase(piece);
    return error;
}

cudaError_t cudaMemset(void* to, int value, size_t bytes) {
    FakeRuntime& runtime = fake_runtime();
    if (const auto error = runtime.enter("cudaMemset"))
        return error;
    if (!runtime.holds(current_device, to, bytes))
        return FakeRuntime::answer(cudaErrorInvalidValue);
    std::memset(to, value, bytes);
    return cudaSuccess;
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
    FakeRuntime& runtime = fake_runtime();
    if (const auto error = runtime.enter("cudaMemcpy"))
        return error;
    const void* on_device = kind == cudaMemcpyDeviceToHost ? from : to;
    if (!runtime.holds(current_device, on_device, bytes))
        return FakeRuntime::answer(cudaErrorInvalidValue);
    std::memcpy(to, from, bytes);
    return cudaSuccess;
}

} // extern "C"
