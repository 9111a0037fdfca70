// Calls of the fake runtime about the machine, and those that only benchmarks make.
#include <tz/tests/support/fake_cudart_state.hpp>

#include <cstdio>
#include <new>
#include <thread>

using tz::test::fake_runtime;

extern "C" {

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr /*attribute*/, int /*device*/) {
    *value = 1;
    return fake_runtime().enter("cudaDeviceGetAttribute");
}

cudaError_t cudaDeviceGetPCIBusId(char* id, int size, int device) {
    if (const auto error = fake_runtime().enter("cudaDeviceGetPCIBusId"))
        return error;
    std::snprintf(id, static_cast<std::size_t>(size), "0000:%02X:00.0", 0xa1 + device);
    return cudaSuccess;
}

cudaError_t cudaHostAlloc(void** data, size_t bytes, unsigned int flags) {
    if (const auto error = fake_runtime().enter("cudaHostAlloc"))
        return error;
    *data = ::operator new(bytes, std::align_val_t{4096});
    return cudaHostRegister(*data, bytes, flags);
}

cudaError_t cudaFreeHost(void* data) {
    const cudaError_t error = cudaHostUnregister(data);
    ::operator delete(data, std::align_val_t{4096});
    return error;
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t call, void* data) {
    if (const auto error = fake_runtime().enter("cudaLaunchHostFunc"))
        return error;
    stream->enqueue([call, data] { call(data); });
    return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    const std::uint64_t record = event->recorded;
    while (event->reached < record)
        std::this_thread::yield();
    return fake_runtime().enter("cudaEventSynchronize");
}

} // extern "C"
