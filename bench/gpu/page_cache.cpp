// From the page cache to the device: parallel copies into a pinned ring, or the file's own pages
// registered for DMA.
#include "probe.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <fcntl.h>
#include <immintrin.h>
#include <stdexcept>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>

namespace tz::probe {

namespace {

std::uint64_t file_bytes() {
    return volume(4ull << 30);
}

enum class How { pread, copy, stream };

/// Stores past the CPU's caches.
void copy_past_caches(std::byte* to, const std::byte* from, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; i += 32)
        _mm256_stream_si256(
            reinterpret_cast<__m256i*>(to + i),
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i)));
    _mm_sfence();
}

/// One kind of filling buffers; the device may be left out.
struct Filling {
    How how = How::pread;
    std::size_t threads = 1;
    std::size_t chunk = 1;
    bool to_device = true;
};

/// Each thread has two buffers: one is filled while the other is copied.
class Filler {
public:
    Filler(
        const File& file,
        const std::byte* mapping,
        const PinnedBlock& ring,
        const DeviceBlock& device)
        : file_(file),
          mapping_(mapping),
          ring_(ring),
          device_(device),
          streams_(4) {}

    void run(const Filling& filling, std::uint64_t bytes) {
        next_ = 0;
        run_threads(filling.threads, [&](std::size_t thread) { work(filling, bytes, thread); });
        streams_.synchronize();
    }

private:
    void work(const Filling& filling, std::uint64_t bytes, std::size_t thread) {
        cudaEvent_t events[2];
        for (cudaEvent_t& event : events)
            check(
                cudaEventCreateWithFlags(&event, cudaEventDisableTiming | cudaEventBlockingSync),
                "cudaEventCreate");
        for (std::size_t n = 0;; ++n) {
            const std::uint64_t at = next_.fetch_add(filling.chunk);
            if (at >= bytes)
                break;
            std::byte* buffer = ring_.data() + (2 * thread + n % 2) * filling.chunk;
            check(cudaEventSynchronize(events[n % 2]), "cudaEventSynchronize");
            fill(filling, at, buffer);
            if (!filling.to_device)
                continue;
            check(
                cudaMemcpyAsync(
                    device_.data() + at,
                    buffer,
                    filling.chunk,
                    cudaMemcpyHostToDevice,
                    streams_[thread]),
                "cudaMemcpyAsync");
            check(cudaEventRecord(events[n % 2], streams_[thread]), "cudaEventRecord");
        }
        for (const cudaEvent_t event : events) {
            cudaEventSynchronize(event);
            cudaEventDestroy(event);
        }
    }

    void fill(const Filling& filling, std::uint64_t at, std::byte* buffer) {
        switch (filling.how) {
        case How::copy:
            std::memcpy(buffer, mapping_ + at, filling.chunk);
            break;
        case How::stream:
            copy_past_caches(buffer, mapping_ + at, filling.chunk);
            break;
        case How::pread:
            if (::pread(file_.fd(), buffer, filling.chunk, static_cast<off_t>(at)) !=
                static_cast<ssize_t>(filling.chunk))
                throw std::runtime_error("short read");
            break;
        }
    }

    const File& file_;
    const std::byte* mapping_;
    const PinnedBlock& ring_;
    const DeviceBlock& device_;
    Streams streams_;
    std::atomic<std::uint64_t> next_ = 0;
};

void try_filling(Filler& filler, std::string_view name, How how) {
    for (const bool to_device : {false, true}) {
        for (const std::size_t chunk : {512u << 10, 1u << 20, 4u << 20}) {
            std::vector<std::string> cells{fmt::format(
                "{}, {} KiB{}", name, chunk >> 10, to_device ? ", and to the device" : "")};
            for (const std::size_t threads : {1, 2, 4, 8, 12, 16}) {
                const std::uint64_t bytes = threads == 1 ? file_bytes() / 4 : file_bytes();
                const Rate rate = measure(threads == 1 ? 1 : 2, bytes, [&] {
                    filler.run({how, threads, chunk, to_device}, bytes);
                });
                cells.push_back(
                    fmt::format("{} ({})", text(rate.gb_per_s), text(rate.cpu_s_per_gb)));
            }
            row(cells);
        }
    }
}

/// Registers, copies and gives back windows of the mapping, each thread its own.
void copy_windows(
    std::byte* mapping,
    const DeviceBlock& device,
    std::size_t window,
    std::size_t threads,
    unsigned flags) {
    std::atomic<std::uint64_t> next = 0;
    run_threads(threads, [&](std::size_t) {
        const Streams streams(1);
        for (;;) {
            const std::uint64_t at = next.fetch_add(window);
            if (at >= file_bytes())
                break;
            check(cudaHostRegister(mapping + at, window, flags), "cudaHostRegister");
            check(
                cudaMemcpyAsync(
                    device.data() + at, mapping + at, window, cudaMemcpyHostToDevice, streams[0]),
                "cudaMemcpyAsync");
            streams.synchronize();
            check(cudaHostUnregister(mapping + at), "cudaHostUnregister");
        }
    });
}

/// Where the time of one window goes.
void time_window(std::byte* mapping, const DeviceBlock& device, unsigned flags) {
    const std::size_t window = volume(1 << 30);
    const Stopwatch registering;
    check(cudaHostRegister(mapping, window, flags), "cudaHostRegister");
    const double registered = registering.seconds();
    const Stopwatch copying;
    check(cudaMemcpy(device.data(), mapping, window, cudaMemcpyHostToDevice), "cudaMemcpy");
    const double copied = copying.seconds();
    const Stopwatch giving;
    check(cudaHostUnregister(mapping), "cudaHostUnregister");
    row(
        {"1 GiB once",
         fmt::format(
             "register {} ms, copy {} ms, unregister {} ms",
             text(registered * 1e3),
             text(copied * 1e3),
             text(giving.seconds() * 1e3))});
}

void try_windows(
    const File& file, const DeviceBlock& device, int map_flags, std::string_view kind) {
    const FileMapping mapping(file, map_flags);
    const std::vector<std::pair<const char*, unsigned>> ways{
        {"read only", cudaHostRegisterReadOnly}, {"default", cudaHostRegisterDefault}};
    for (const auto& [name, flags] : ways) {
        table(
            fmt::format("A {} mapping registered ({}), copied, given back", kind, name),
            {"windows", "1 thread", "4 threads"});
        attempt("1 GiB once", [&, bits = flags] { time_window(mapping.data(), device, bits); });
        for (const std::size_t mib : {16, 256})
            attempt(fmt::format("{} MiB", mib), [&, bits = flags] {
                std::vector<std::string> cells{fmt::format("{} MiB", mib)};
                for (const std::size_t threads : {1, 4}) {
                    const Rate rate = measure(1, file_bytes(), [&] {
                        copy_windows(mapping.data(), device, volume(mib << 20), threads, bits);
                    });
                    cells.push_back(
                        fmt::format("{} ({})", text(rate.gb_per_s), text(rate.cpu_s_per_gb)));
                }
                row(cells);
            });
    }
}

} // namespace

void page_cache(const std::filesystem::path& folder) {
    const File file(folder, file_bytes());
    const DeviceBlock device(file_bytes());
    const PinnedBlock ring(std::size_t{2} * 16 * (4 << 20));
    const FileMapping mapping(file, MAP_SHARED | MAP_POPULATE);
    Filler filler(file, mapping.data(), ring, device);
    table(
        fmt::format(
            "Page cache ({}) to a pinned ring, two buffers a thread: GB/s (CPU s/GB)",
            folder.string()),
        {"by", "1 thread", "2", "4", "8", "12", "16"});
    try_filling(filler, "pread", How::pread);
    try_filling(filler, "memcpy of the mapping", How::copy);
    try_filling(filler, "the same, past the caches", How::stream);
}

void mapped_copies(const std::filesystem::path& folder) {
    int read_only = 0;
    cudaDeviceGetAttribute(&read_only, cudaDevAttrHostRegisterReadOnlySupported, 0);
    fmt::print("\ncudaDevAttrHostRegisterReadOnlySupported: {}\n", read_only);
    const File file(folder, file_bytes());
    const DeviceBlock device(file_bytes());
    try_windows(file, device, MAP_SHARED | MAP_POPULATE, "shared");
    try_windows(file, device, MAP_PRIVATE | MAP_POPULATE, "private");
}

} // namespace tz::probe
