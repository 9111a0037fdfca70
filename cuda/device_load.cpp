#include <tz/cuda/device.hpp>
#include <tz/cuda/device_load.hpp>
#include <tz/cuda/device_sink.hpp>
#include <tz/cuda/open_pieces.hpp>
#include <tz/cuda/range.hpp>
#include <tz/engine/explain.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace tz::cuda {

namespace {

void check_options(const DeviceOptions& options) {
    if (options.devices.empty())
        throw Error(errc::usage, "no device is named");
    auto devices = options.devices;
    std::sort(devices.begin(), devices.end());
    if (std::adjacent_find(devices.begin(), devices.end()) != devices.end())
        throw Error(errc::usage, "a device is named twice");
    if (options.decrypt_on == DecryptOn::device && !decrypts_on_devices())
        throw Error(
            errc::unsupported,
            "this build has no code for GPUs: it was made without nvcc",
            {},
            "decrypt on the CPU, or build with the CUDA toolkit");
}

/// The engine knows nothing of devices, and may have made a plain error of it.
[[noreturn]] void rethrow(const DeviceSink& sink, const Error& error) {
    const auto failure = sink.failure();
    if (failure && error.source().starts_with("cuda")) // of several, which CUDA's error is the same
        throw DeviceError(*failure);
    throw; // NOLINT(misc-exception-rethrow): by the handler that calls
}

} // namespace

bool decrypts_on_devices() {
    return has_kernels();
}

DeviceLoaded load_to_device(
    Engine& engine,
    std::span<const std::shared_ptr<const Source>> sources,
    LoadOptions options,
    const DeviceOptions& device) {
    check_options(device);
    for (const int number : device.devices)
        open_device(number); // what a process pays once is no part of the load's time
    const Range range("load", 0);
    DeviceSink sink(device, options.trace);
    options.memory = Memory::none;
    options.sink = &sink;
    DeviceLoaded loaded;
    try {
        static_cast<LoadedFiles&>(loaded) = load(engine, sources, options);
    } catch (const Error& error) {
        rethrow(sink, error);
    }
    loaded.on_device = sink.take_tensors();
    loaded.on_device.resize(sources.size());
    loaded.device = sink.stats();
    return loaded;
}

std::string explain(const LoadStats& stats, const DeviceStats& device) {
    std::string names;
    std::string shares;
    for (const DeviceCopies& copies : device.of_device) {
        const double share = stats.seconds > 0 ? std::min(1.0, copies.seconds / stats.seconds) : 0;
        const std::string name = device_name(copies.device);
        names += (names.empty() ? "the copies to " : ", ") + name;
        shares += (shares.empty() ? "; copies under way: " : ", ") + name + " " +
                  std::to_string(std::lround(100 * share)) + " % of the time";
    }
    return tz::explain(stats, names) + shares;
}

} // namespace tz::cuda
