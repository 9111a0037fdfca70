#include <tz/tools/gpu.hpp>

#include <fmt/format.h>

#include <array>
#include <dlfcn.h>

namespace tz::cli {

namespace {

constexpr int no_device = 100; // CUDA_ERROR_NO_DEVICE

// The few functions of the driver's stable interface that we call.
struct Driver {
    int (*init)(unsigned flags);
    int (*version)(int* version);
    int (*count)(int* count);
    int (*device)(int* device, int ordinal);
    int (*name)(char* name, int length, int device);
    int (*memory)(std::size_t* bytes, int device);
};

template <typename Function>
bool find(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(::dlsym(library, name));
    return function != nullptr;
}

bool find_all(void* library, Driver& driver) {
    return find(library, "cuInit", driver.init) &&
           find(library, "cuDriverGetVersion", driver.version) &&
           find(library, "cuDeviceGetCount", driver.count) &&
           find(library, "cuDeviceGet", driver.device) &&
           find(library, "cuDeviceGetName", driver.name) &&
           find(library, "cuDeviceTotalMem_v2", driver.memory);
}

Gpu describe(const Driver& driver, int ordinal) {
    Gpu gpu{"unknown"};
    int device = 0;
    if (driver.device(&device, ordinal) != 0)
        return gpu;
    std::array<char, 256> name{};
    std::size_t bytes = 0;
    if (driver.name(name.data(), static_cast<int>(name.size()) - 1, device) == 0)
        gpu.name = name.data();
    if (driver.memory(&bytes, device) == 0)
        gpu.memory_bytes = bytes;
    return gpu;
}

} // namespace

GpuFacts gpu_facts() {
    GpuFacts facts;
    // never closed: the driver does not come through that
    void* library = ::dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    Driver driver{};
    if (!library) {
        facts.reason = "libcuda.so.1 not found: no NVIDIA driver is installed";
        return facts;
    }
    if (!find_all(library, driver)) {
        facts.reason = "libcuda.so.1 is too old";
        return facts;
    }
    int version = 0;
    if (driver.version(&version) == 0)
        facts.cuda = fmt::format("{}.{}", version / 1000, version % 1000 / 10);
    int count = 0;
    int error = driver.init(0);
    if (error == 0)
        error = driver.count(&count);
    if (error != 0 && error != no_device)
        facts.reason = fmt::format("the driver does not start (CUDA error {})", error);
    else if (count == 0)
        facts.reason = "the driver sees no GPU";
    for (int i = 0; i < count; ++i)
        facts.gpus.push_back(describe(driver, i));
    return facts;
}

} // namespace tz::cli
