// A file in the page cache to the device by way of a pinned ring: what fills buffers for the least
// CPU, and whether it matters that a buffer comes to another core each time.
#include "probe.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>
#include <utility>

namespace tz::probe {

namespace {

constexpr int populate_read = 22; // MADV_POPULATE_READ, Linux 5.14

enum class How { pread, mapped, mapped_then_dropped, through_kernel };

/// A buffer and when the device has read it.
struct Buffer {
    std::byte* data = nullptr;
    cudaEvent_t event = nullptr;
};

/// Buffers that all threads share: the one that was given back first comes first.
class Ring {
public:
    Ring(std::byte* memory, std::size_t count, std::size_t bytes) {
        for (std::size_t i = 0; i < count; ++i) {
            Buffer& buffer = buffers_.emplace_back(Buffer{memory + i * bytes, nullptr});
            check(
                cudaEventCreateWithFlags(
                    &buffer.event, cudaEventDisableTiming | cudaEventBlockingSync),
                "cudaEventCreate");
        }
    }

    ~Ring() {
        for (const Buffer& buffer : buffers_)
            cudaEventDestroy(buffer.event);
    }

    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;

    Buffer take() {
        const std::lock_guard lock(mutex_);
        if (buffers_.empty())
            throw std::runtime_error("more threads than buffers");
        const Buffer buffer = buffers_.front();
        buffers_.pop_front();
        return buffer;
    }

    void give(const Buffer& buffer) {
        const std::lock_guard lock(mutex_);
        buffers_.push_back(buffer);
    }

private:
    std::mutex mutex_;
    std::deque<Buffer> buffers_;
};

void check_call(bool well, const char* what) {
    if (!well)
        throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

struct Copying {
    How how = How::pread;
    std::size_t chunk = 1;
    std::size_t threads = 1;
    std::size_t shared = 0; ///< buffers of all threads; 0: two of its own for each
};

constexpr std::size_t most_memory = std::size_t{48} * (4 << 20);

class Copier {
public:
    Copier(const File& file, std::uint64_t bytes)
        : file_(file),
          bytes_(bytes),
          device_(bytes),
          memory_(most_memory),
          streams_(4) {}

    /// Making the mapping and giving it back is part of it.
    void run(const Copying& copying) {
        std::unique_ptr<FileMapping> mapped;
        if (copying.how != How::pread)
            mapped = std::make_unique<FileMapping>(file_, MAP_SHARED);
        std::deque<Ring> rings;
        const std::size_t count = copying.shared > 0 ? 1 : copying.threads;
        const std::size_t each = copying.shared > 0 ? copying.shared : 2;
        for (std::size_t i = 0; i < count; ++i)
            rings.emplace_back(memory_.data() + i * each * copying.chunk, each, copying.chunk);
        next_ = 0;
        std::byte* const mapping = mapped ? mapped->data() : nullptr;
        run_threads(copying.threads, [&](std::size_t i) {
            work(copying, rings[i % count], mapping, streams_[i]);
        });
        streams_.synchronize();
    }

private:
    void work(const Copying& copying, Ring& ring, std::byte* mapping, cudaStream_t stream) {
        for (;;) {
            const std::uint64_t at = next_.fetch_add(copying.chunk);
            if (at >= bytes_)
                break;
            const Buffer buffer = ring.take();
            check(cudaEventSynchronize(buffer.event), "cudaEventSynchronize");
            fill(copying, mapping, at, buffer.data);
            check(
                cudaMemcpyAsync(
                    device_.data() + at,
                    buffer.data,
                    copying.chunk,
                    cudaMemcpyHostToDevice,
                    stream),
                "cudaMemcpyAsync");
            check(cudaEventRecord(buffer.event, stream), "cudaEventRecord");
            ring.give(buffer);
        }
    }

    void fill(const Copying& copying, std::byte* mapping, std::uint64_t at, std::byte* to) const {
        const std::size_t bytes = copying.chunk;
        if (copying.how == How::pread) {
            const auto done = ::pread(file_.fd(), to, bytes, static_cast<off_t>(at));
            check_call(done == static_cast<ssize_t>(bytes), "pread");
            return;
        }
        std::byte* const from = mapping + at;
        if (copying.how == How::through_kernel) {
            const iovec target{to, bytes};
            const iovec source{from, bytes};
            const auto done = ::process_vm_readv(::getpid(), &target, 1, &source, 1, 0);
            check_call(done == static_cast<ssize_t>(bytes), "process_vm_readv");
            return;
        }
        check_call(::madvise(from, bytes, populate_read) == 0, "MADV_POPULATE_READ");
        std::memcpy(to, from, bytes);
        if (copying.how == How::mapped_then_dropped)
            ::madvise(from, bytes, MADV_DONTNEED);
    }

    const File& file_;
    std::uint64_t bytes_;
    DeviceBlock device_;
    PinnedBlock memory_;
    Streams streams_;
    std::atomic<std::uint64_t> next_ = 0;
};

} // namespace

void cached_file(const std::filesystem::path& path) {
    const File file(path);
    constexpr std::size_t most_chunk = 4 << 20;
    const std::uint64_t bytes =
        std::min(file.bytes(), volume(4ull << 30)) / most_chunk * most_chunk;
    Copier copier(file, bytes);
    table(
        fmt::format("{}, cached, to the device: GB/s (CPU s/GB)", path.string()),
        {"by", "buffers", "4 threads", "8", "12", "14", "16"});
    const std::vector<std::pair<std::string, How>> ways{
        {"pread", How::pread},
        {"a mapping, made present and copied", How::mapped},
        {"the same, and given back piece by piece", How::mapped_then_dropped},
        {"a mapping, process_vm_readv", How::through_kernel}};
    for (const auto& [name, how] : ways)
        for (const std::size_t chunk : {std::size_t{2} << 20, most_chunk})
            for (const std::size_t shared : {0, 24, 48})
                attempt(name, [&, &name = name, how = how] {
                    std::vector<std::string> cells{
                        fmt::format("{}, {} MiB", name, chunk >> 20),
                        shared > 0 ? fmt::format("{} shared", shared) : "two a thread"};
                    for (const std::size_t threads : {4, 8, 12, 14, 16}) {
                        const Rate rate =
                            measure(3, bytes, [&] { copier.run({how, chunk, threads, shared}); });
                        cells.push_back(
                            fmt::format("{} ({})", text(rate.gb_per_s), text(rate.cpu_s_per_gb)));
                    }
                    row(cells);
                });
}

} // namespace tz::probe
