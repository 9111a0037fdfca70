// What reaches a GPU at best: `device_ceilings`.
#include <tz/format/error.hpp>
#include <tz/tools/bench_ceilings.hpp>
#include <tz/tools/device_text.hpp>

#ifdef TZ_WITH_CUDA
#include <tz/cuda/device.hpp>
#include <tz/cuda/device_error.hpp>
#include <tz/cuda/device_memory.hpp>
#include <tz/cuda/near.hpp>
#include <tz/cuda/pinned_memory.hpp>
#include <tz/cuda/stream.hpp>
#include <tz/tools/bench_memory.hpp>

#include <exception>
#endif

namespace tz::bench {

namespace {

#ifdef TZ_WITH_CUDA

constexpr std::size_t copy_bytes = 4 << 20;  ///< a chunk
constexpr std::size_t ring_bytes = 64 << 20; ///< more than caches keep between two copies of it
constexpr unsigned passes = 8;

/// Enqueues all copies at once and waits for the last. What was enqueued before a failure is waited
/// for too: the device reads the memory until then.
void copy_all(
    asio::io_context& context, cuda::Stream& stream, std::span<std::byte> from, std::byte* to) {
    std::exception_ptr failure;
    try {
        for (unsigned pass = 0; pass < passes; ++pass)
            for (std::size_t at = 0; at < from.size(); at += copy_bytes)
                stream.copy(to + at, from.subspan(at, copy_bytes));
    } catch (const cuda::DeviceError&) {
        failure = std::current_exception();
    }
    stream.done([&failure](std::exception_ptr error) {
        if (!failure)
            failure = std::move(error);
    });
    context.run();
    if (failure)
        std::rethrow_exception(failure);
}

/// Memory is pinned and given back outside the time, so that nothing is held between samples.
Sample copy_pinned(int device) {
    cuda::open_device(device);
    const FreshMemory memory(ring_bytes, Pages::huge);
    const int devices[] = {device};
    cuda::PinnedMemory pinned(device);
    pinned.stay_on(cuda::memory_node_of(devices)); // as a load does
    if (!pinned.pin(memory.bytes()))
        throw Error(
            errc::limit,
            "memory can't be pinned for the device",
            {},
            "raise the limit of locked memory (ulimit -l)")
            .in(cli::devices_text({device}));
    const cuda::DeviceBlock block(device, ring_bytes);
    asio::io_context context;
    cuda::Stream stream(context, device);
    const Stopwatch watch;
    copy_all(context, stream, memory.bytes(), block.data());
    return watch.stop(passes * ring_bytes);
}

std::vector<int> first_device() {
    try {
        cuda::open_device(0);
        return {0};
    } catch (const cuda::DeviceError&) { // there is none to use: nobody asked for one
        return {};
    }
}

#else

Sample copy_pinned(int) {
    throw Error(
        errc::unsupported,
        "this tz-bench was built without CUDA",
        {},
        "build it where CUDA's toolkit is (TZ_CUDA), or leave out --device");
}

std::vector<int> first_device() {
    return {};
}

#endif

} // namespace

std::vector<Entry> device_ceilings(const std::optional<std::vector<int>>& devices) {
    std::vector<Entry> entries;
    for (const int device : devices ? *devices : first_device()) {
        Entry entry{.role = Role::stage, .cache = Cache::none};
        entry.name = "pinned copies to " + cli::devices_text({device});
        entry.run = [device] { return copy_pinned(device); };
        entries.push_back(std::move(entry));
    }
    return entries;
}

} // namespace tz::bench
