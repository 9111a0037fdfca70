#include <tz/format/error.hpp>
#include <tz/tools/device.hpp>

#ifdef TZ_WITH_CUDA
#include <tz/cuda/device_load.hpp>
#include <tz/cuda/device_memory.hpp>
#include <tz/cuda/near.hpp>
#include <tz/engine/machine.hpp>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#endif

namespace tz::cli {

void check_decrypt_on(const Options& options) {
    if (options.decrypt_on == DecryptOn::gpu && options.devices.empty())
        throw Error(
            errc::usage,
            "a GPU decrypts what goes to it, and nothing does",
            {},
            "give --device too, or leave --decrypt-on out");
}

#ifdef TZ_WITH_CUDA

namespace {

using Tensors = std::vector<std::vector<cuda::DeviceTensor>>;

constexpr std::uint64_t part_bytes = 16 << 20; ///< read back at once

format::Sha256 sha256_of(const cuda::DeviceTensor& tensor, std::vector<std::byte>& part) {
    format::Sha256Stream stream;
    for (std::uint64_t at = 0; at < tensor.bytes; at += part.size()) {
        const auto bytes =
            std::span(part).first(std::min<std::uint64_t>(part.size(), tensor.bytes - at));
        cuda::copy_to_host(tensor.device, tensor.data + at, bytes);
        stream.update(bytes);
    }
    return stream.finish();
}

/// Runs `body` with each number below `count`, on as many threads as there are cores.
void share_out(std::size_t count, const std::function<void(std::size_t)>& body) {
    std::atomic<std::size_t> next = 0;
    std::exception_ptr failure;
    std::mutex mutex;
    const auto work = [&] {
        try {
            for (std::size_t i = next++; i < count; i = next++)
                body(i);
        } catch (...) {
            const std::lock_guard lock(mutex);
            failure = std::current_exception();
        }
    };
    std::vector<std::thread> threads;
    threads.reserve(cores_available());
    for (unsigned i = 0; i < cores_available(); ++i)
        threads.emplace_back(work);
    for (std::thread& thread : threads)
        thread.join();
    if (failure)
        std::rethrow_exception(failure);
}

cuda::DecryptOn decrypt_on(DecryptOn asked) {
    switch (asked) {
    case DecryptOn::automatic:
        return cuda::DecryptOn::automatic;
    case DecryptOn::cpu:
        return cuda::DecryptOn::cpu;
    case DecryptOn::gpu:
        return cuda::DecryptOn::device;
    }
    return {};
}

void take_stats(const cuda::DeviceLoaded& loaded, OnDevices& devices) {
    devices.pinned_bytes = loaded.device.pinned_bytes;
    devices.copies = loaded.device.copies;
    devices.opened_bytes = loaded.device.opened_bytes;
    devices.bound = cuda::explain(loaded.stats, loaded.device);
    for (const cuda::DeviceCopies& copies : loaded.device.of_device) {
        OnDevice& device = devices.each.emplace_back();
        device.copied_bytes = copies.bytes;
        device.copy_seconds = copies.seconds;
        for (const auto& file : loaded.on_device)
            for (const auto& tensor : file)
                device.bytes += tensor.device == copies.device ? tensor.bytes : 0;
    }
}

} // namespace

LoadedInputs load_to_devices(const Options& options, const LoadOptions& load, OnDevices& devices) {
    cuda::DeviceOptions device;
    device.devices = options.devices;
    device.decrypt_on = decrypt_on(options.decrypt_on);
    const cuda::StayNear near(options.devices); // the engine's threads, which are made here
    const Load to_devices = [&](Engine& engine, const auto& sources, const LoadOptions& its) {
        cuda::DeviceOptions logged = device;
        logged.log = engine.options().log;
        cuda::DeviceLoaded loaded = cuda::load_to_device(engine, sources, its, logged);
        take_stats(loaded, devices);
        devices.tensors = std::make_shared<Tensors>(std::move(loaded.on_device));
        return LoadedFiles(std::move(loaded));
    };
    return load_files(options, load, to_devices);
}

std::vector<std::vector<format::Sha256>> checksums_on_devices(const OnDevices& devices) {
    const auto& tensors = *std::static_pointer_cast<const Tensors>(devices.tensors);
    std::vector<std::vector<format::Sha256>> sums;
    sums.reserve(tensors.size());
    std::vector<std::pair<const cuda::DeviceTensor*, format::Sha256*>> all;
    for (const auto& file : tensors)
        sums.emplace_back(file.size());
    for (std::size_t file = 0; file < tensors.size(); ++file)
        for (std::size_t i = 0; i < tensors[file].size(); ++i)
            all.emplace_back(&tensors[file][i], &sums[file][i]);
    share_out(all.size(), [&all](std::size_t i) {
        thread_local std::vector<std::byte> part(part_bytes);
        *all[i].second = sha256_of(*all[i].first, part);
    });
    return sums;
}

#else

namespace {

[[noreturn]] void no_cuda() {
    throw Error(
        errc::unsupported,
        "this tzio was built without CUDA",
        {},
        "build it where CUDA's toolkit is (TZ_CUDA), or leave out --device");
}

} // namespace

LoadedInputs load_to_devices(const Options&, const LoadOptions&, OnDevices&) {
    no_cuda();
}

std::vector<std::vector<format::Sha256>> checksums_on_devices(const OnDevices&) {
    no_cuda();
}

#endif

} // namespace tz::cli
