// What the disk gives: io_uring at several depths and threads of pread, past the page cache.
#include "probe.hpp"

#include <liburing.h>

#include <atomic>
#include <cstring>
#include <fcntl.h>
#include <stdexcept>
#include <thread>
#include <unistd.h>

namespace tz::probe {

namespace {

std::uint64_t file_bytes() {
    return volume(8ull << 30);
}

constexpr double seconds_max = 1.5; ///< of one measurement, however slow the disk is

std::uint64_t read_by_ring(int fd, const HostBlock& to, std::size_t chunk, unsigned depth) {
    const Stopwatch watch;
    io_uring ring{};
    if (const int error = ::io_uring_queue_init(depth, &ring, 0); error < 0)
        throw std::runtime_error(std::string("io_uring: ") + std::strerror(-error));
    std::uint64_t next = 0;
    unsigned under_way = 0;
    const auto submit = [&](std::uint64_t buffer) {
        io_uring_sqe* sqe = ::io_uring_get_sqe(&ring);
        ::io_uring_prep_read(
            sqe, fd, to.data() + buffer * chunk, static_cast<unsigned>(chunk), next);
        ::io_uring_sqe_set_data64(sqe, buffer);
        next += chunk;
        ++under_way;
    };
    for (unsigned i = 0; i < depth && next < file_bytes(); ++i)
        submit(i);
    while (under_way > 0) {
        ::io_uring_submit_and_wait(&ring, 1);
        io_uring_cqe* done = nullptr;
        while (::io_uring_peek_cqe(&ring, &done) == 0) {
            if (done->res != static_cast<int>(chunk))
                throw std::runtime_error("short read");
            const std::uint64_t buffer = ::io_uring_cqe_get_data64(done);
            ::io_uring_cqe_seen(&ring, done);
            --under_way;
            if (next < file_bytes() && watch.seconds() < seconds_max)
                submit(buffer);
        }
    }
    ::io_uring_queue_exit(&ring);
    return next;
}

std::uint64_t read_by_threads(int fd, const HostBlock& to, std::size_t chunk, unsigned count) {
    const Stopwatch watch;
    std::atomic<std::uint64_t> next = 0;
    std::atomic<std::uint64_t> read = 0;
    std::vector<std::thread> threads;
    threads.reserve(count);
    for (unsigned i = 0; i < count; ++i)
        threads.emplace_back([&, i] {
            while (watch.seconds() < seconds_max) {
                const std::uint64_t at = next.fetch_add(chunk);
                if (at >= file_bytes() ||
                    ::pread(fd, to.data() + i * chunk, chunk, static_cast<off_t>(at)) <= 0)
                    return;
                read += chunk;
            }
        });
    for (std::thread& thread : threads)
        thread.join();
    return read;
}

/// Returns how many bytes it has read.
using Read = std::uint64_t (*)(int, const HostBlock&, std::size_t, unsigned);

void try_reads(const File& file, const HostBlock& to, std::string_view name, int fd, Read read) {
    for (const std::size_t mib : {1, 4}) {
        std::vector<std::string> cells{fmt::format("{}, {} MiB", name, mib)};
        for (const unsigned depth : {1u, 4u, 16u, 32u}) {
            file.drop_from_cache();
            const Stopwatch watch;
            const double gb = static_cast<double>(read(fd, to, mib << 20, depth)) * 1e-9;
            const double seconds = watch.seconds();
            cells.push_back(
                fmt::format("{} ({})", text(gb / seconds), text(watch.cpu_seconds() / gb)));
        }
        row(cells);
    }
}

} // namespace

void disk(const std::filesystem::path& folder) {
    const Stopwatch writing;
    const File file(folder, file_bytes());
    fmt::print(
        "\nwritten at {} GB/s\n",
        text(static_cast<double>(file_bytes()) * 1e-9 / writing.seconds()));
    const HostBlock to(std::size_t{32} * (4 << 20), true);
    const int direct = ::open(file.path().c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC);
    table(
        "Disk, dropped from the page cache before: GB/s (CPU s/GB) by depth or threads",
        {"reads", "1", "4", "16", "32"});
    if (direct < 0)
        row({"O_DIRECT", std::strerror(errno)});
    else {
        attempt("io_uring", [&] { try_reads(file, to, "io_uring, direct", direct, read_by_ring); });
        attempt("pread", [&] { try_reads(file, to, "pread, direct", direct, read_by_threads); });
        ::close(direct);
    }
    attempt("pread", [&] { try_reads(file, to, "pread, buffered", file.fd(), read_by_threads); });
}

} // namespace tz::probe
