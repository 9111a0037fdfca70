// Whose pinned memory: cudaHostAlloc's or ours, registered; and whether io_uring takes the same
// memory too.
#include "probe.hpp"

#include <liburing.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <stdexcept>
#include <sys/uio.h>
#include <unistd.h>

namespace tz::probe {

namespace {

constexpr std::size_t block_bytes = 256 << 20;

double copy_rate(const std::byte* from, const DeviceBlock& to) {
    const Streams streams(1);
    const std::size_t times = std::max<std::uint64_t>(1, volume(16ull * block_bytes) / block_bytes);
    const std::uint64_t bytes = times * block_bytes;
    const auto body = [&] {
        for (std::size_t i = 0; i < times; ++i)
            check(
                cudaMemcpyAsync(to.data(), from, block_bytes, cudaMemcpyHostToDevice, streams[0]),
                "cudaMemcpyAsync");
        streams.synchronize();
    };
    return measure(3, bytes, body).gb_per_s;
}

void allocated(const DeviceBlock& to) {
    void* data = nullptr;
    const Stopwatch taking;
    check(cudaHostAlloc(&data, block_bytes, cudaHostAllocPortable), "cudaHostAlloc");
    const double took = taking.seconds();
    const double rate = copy_rate(static_cast<std::byte*>(data), to);
    const Stopwatch freeing;
    check(cudaFreeHost(data), "cudaFreeHost");
    row({"cudaHostAlloc", text(took * 1e3), text(freeing.seconds() * 1e3), text(rate)});
}

void registered(const DeviceBlock& to, bool huge) {
    const Stopwatch mapping;
    const HostBlock block(block_bytes, huge);
    const double mapped = mapping.seconds();
    const Stopwatch taking;
    check(
        cudaHostRegister(block.data(), block.size(), cudaHostRegisterPortable), "cudaHostRegister");
    const double took = taking.seconds();
    const double rate = copy_rate(block.data(), to);
    const Stopwatch freeing;
    check(cudaHostUnregister(block.data()), "cudaHostUnregister");
    row(
        {fmt::format(
             "mmap, {}: touched in {} ms, cudaHostRegister",
             huge ? "huge pages" : "4 KiB pages",
             text(mapped * 1e3)),
         text(took * 1e3),
         text(freeing.seconds() * 1e3),
         text(rate)});
}

class Uring {
public:
    Uring() {
        if (const int error = ::io_uring_queue_init(64, &ring_, 0); error < 0)
            throw std::runtime_error(std::string("io_uring: ") + std::strerror(-error));
    }

    ~Uring() { ::io_uring_queue_exit(&ring_); }

    Uring(const Uring&) = delete;
    Uring& operator=(const Uring&) = delete;

    std::string register_memory(std::byte* data, std::size_t bytes) {
        const iovec memory{data, bytes};
        const int error = ::io_uring_register_buffers(&ring_, &memory, 1);
        return error < 0 ? std::strerror(-error) : "registered";
    }

    /// One direct read into the registered memory.
    std::string read(int fd, std::byte* to) {
        ::io_uring_prep_read_fixed(::io_uring_get_sqe(&ring_), fd, to, 1 << 20, 0, 0);
        ::io_uring_submit(&ring_);
        io_uring_cqe* done = nullptr;
        ::io_uring_wait_cqe(&ring_, &done);
        const int result = done->res;
        ::io_uring_cqe_seen(&ring_, done);
        return result < 0 ? std::strerror(-result) : fmt::format("{} bytes", result);
    }

private:
    io_uring ring_{};
};

std::string cuda_register(const HostBlock& block) {
    return cudaGetErrorName(cudaHostRegister(block.data(), block.size(), cudaHostRegisterPortable));
}

void both(const std::filesystem::path& folder) {
    const File file(folder, 16 << 20);
    const int fd = ::open(file.path().c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC);
    table(
        "The same 256 MiB registered with io_uring and with CUDA",
        {"order", "io_uring", "cudaHostRegister", "READ_FIXED past the page cache"});
    for (const bool ring_first : {true, false}) {
        Uring ring;
        const HostBlock block(block_bytes, true);
        std::string cuda = ring_first ? "" : cuda_register(block);
        const std::string uring = ring.register_memory(block.data(), block.size());
        if (ring_first)
            cuda = cuda_register(block);
        row(
            {ring_first ? "io_uring first" : "CUDA first",
             uring,
             cuda,
             ring.read(fd, block.data())});
        cudaHostUnregister(block.data());
    }
    Uring ring;
    void* data = nullptr;
    check(cudaHostAlloc(&data, block_bytes, cudaHostAllocPortable), "cudaHostAlloc");
    auto* bytes = static_cast<std::byte*>(data);
    const std::string uring = ring.register_memory(bytes, block_bytes);
    row({"cudaHostAlloc, then io_uring", uring, "-", ring.read(fd, bytes)});
    cudaFreeHost(data);
    ::close(fd);
}

} // namespace

void pinning(const std::filesystem::path& folder) {
    const DeviceBlock to(block_bytes);
    table("256 MiB of pinned memory", {"memory", "ms to pin", "ms to unpin", "GB/s to the device"});
    for (int i = 0; i < 2; ++i) { // the first of its kind pays for what the driver sets up
        attempt("cudaHostAlloc", [&] { allocated(to); });
        attempt("4 KiB pages", [&] { registered(to, false); });
        attempt("huge pages", [&] { registered(to, true); });
    }
    attempt("both", [&] { both(folder); });
}

} // namespace tz::probe
