// What does Ring cost over a bare liburing loop, and both over threads of pread? One file, read
// past the page cache (O_DIRECT) in blocks into registered buffers, several blocks in flight; the
// figure to compare is CPU seconds per GB, since the disk sets the rate. Each program of reads is
// timed on the same file in turn. TZ_BENCH_FILE names a file to read; without it, 64 MiB are
// written to a temporary file in TMPDIR or /var/tmp.
#include <tz/engine/buffer.hpp>
#include <tz/engine/ring.hpp>

#include <benchmark/benchmark.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <liburing.h>

#include <atomic>
#include <cstdlib>
#include <fcntl.h>
#include <random>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using namespace tz;

constexpr std::size_t made_bytes = 64 << 20;

/// The file under test, open for direct reads; ends with a whole block of 4 MiB.
class File {
public:
    File() {
        if (const char* name = std::getenv("TZ_BENCH_FILE"))
            fd_ = ::open(name, O_RDONLY | O_CLOEXEC | O_DIRECT);
        else
            make();
        struct stat facts{};
        if (fd_ < 0 || ::fstat(fd_, &facts) != 0)
            throw std::runtime_error("no file for direct reads: set TZ_BENCH_FILE");
        bytes_ = static_cast<std::uint64_t>(facts.st_size) >> 22 << 22;
        if (bytes_ == 0)
            throw std::runtime_error("the file is smaller than 4 MiB");
    }

    ~File() { ::close(fd_); }

    File(const File&) = delete;
    File& operator=(const File&) = delete;

    int fd() const { return fd_; }

    std::uint64_t bytes() const { return bytes_; }

private:
    void make() {
        const char* folder = std::getenv("TMPDIR");
        std::string path = std::string(folder ? folder : "/var/tmp") + "/ring-bench-XXXXXX";
        const int fd = ::mkostemp(path.data(), O_CLOEXEC);
        std::vector<std::uint32_t> words(made_bytes / 4);
        std::mt19937 random;
        for (auto& word : words)
            word = random();
        const bool written =
            fd >= 0 && ::write(fd, words.data(), made_bytes) == ssize_t{made_bytes};
        if (written && ::fsync(fd) == 0) {
            ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
            fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT);
        }
        ::unlink(path.c_str());
        ::close(fd);
    }

    int fd_ = -1;
    std::uint64_t bytes_ = 0;
};

const File& file() {
    static const File opened;
    return opened;
}

double cpu_seconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Arguments: block in KiB, blocks in flight.
struct Setup {
    explicit Setup(const benchmark::State& state)
        : block(static_cast<std::size_t>(state.range(0)) << 10),
          depth(static_cast<unsigned>(state.range(1))),
          arena(depth, block) {
        for (unsigned i = 0; i < depth; ++i)
            HostMemory::touch(arena.bytes(i));
        file(); // made now, not in the timed part
    }

    std::size_t block;
    unsigned depth;
    Arena arena;
};

void report(benchmark::State& state, double cpu) {
    const double bytes =
        static_cast<double>(state.iterations()) * static_cast<double>(file().bytes());
    state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
    state.counters["cpu_s_per_GB"] = cpu / (bytes / 1e9);
}

awaitable<void> lane(Ring& ring, std::span<std::byte> buffer, int index, std::uint64_t& next) {
    while (next < file().bytes()) {
        const std::uint64_t at = next;
        next += buffer.size();
        co_await ring.read(file().fd(), buffer, at, index, use_awaitable);
    }
}

void by_ring(benchmark::State& state) {
    const Setup setup(state);
    asio::io_context context(1);
    Ring ring(context, setup.depth, setup.depth);
    for (unsigned i = 0; i < setup.depth; ++i)
        ring.register_buffer(i, setup.arena.bytes(i));
    const double before = cpu_seconds();
    for (auto _ : state) {
        std::uint64_t next = 0;
        for (unsigned i = 0; i < setup.depth; ++i)
            asio::co_spawn(
                context,
                lane(ring, setup.arena.bytes(i), static_cast<int>(i), next),
                [](const std::exception_ptr& error) {
                    if (error)
                        std::rethrow_exception(error);
                });
        context.run();
        context.restart();
    }
    report(state, cpu_seconds() - before);
}

void read_bare(io_uring& ring, const Setup& setup) {
    std::uint64_t next = 0;
    unsigned flying = 0;
    const auto put = [&](unsigned i) {
        if (next >= file().bytes())
            return;
        io_uring_sqe* sqe = io_uring_get_sqe(&ring);
        const auto block = static_cast<unsigned>(setup.block);
        io_uring_prep_read_fixed(
            sqe, file().fd(), setup.arena.bytes(i).data(), block, next, static_cast<int>(i));
        sqe->user_data = i;
        next += setup.block;
        ++flying;
    };
    for (unsigned i = 0; i < setup.depth; ++i)
        put(i);
    while (flying > 0) {
        io_uring_submit_and_wait(&ring, 1);
        io_uring_cqe* cqe = nullptr;
        while (io_uring_peek_cqe(&ring, &cqe) == 0) {
            if (cqe->res < 0)
                throw std::runtime_error("a read failed");
            const auto i = static_cast<unsigned>(cqe->user_data);
            io_uring_cqe_seen(&ring, cqe);
            --flying;
            put(i);
        }
    }
}

void by_liburing(benchmark::State& state) {
    const Setup setup(state);
    io_uring ring{};
    if (io_uring_queue_init(setup.depth, &ring, 0) != 0)
        return state.SkipWithError("no io_uring");
    std::vector<iovec> buffers;
    buffers.reserve(setup.depth);
    for (unsigned i = 0; i < setup.depth; ++i)
        buffers.push_back({setup.arena.bytes(i).data(), setup.block});
    if (io_uring_register_buffers(&ring, buffers.data(), setup.depth) != 0)
        state.SkipWithError("buffers can't be registered: raise ulimit -l");
    const double before = cpu_seconds();
    for (auto _ : state)
        read_bare(ring, setup);
    report(state, cpu_seconds() - before);
    io_uring_queue_exit(&ring);
}

void by_pread(benchmark::State& state) {
    const Setup setup(state);
    const double before = cpu_seconds();
    for (auto _ : state) {
        std::atomic<std::uint64_t> next = 0;
        std::atomic<bool> failed = false;
        {
            std::vector<std::jthread> threads;
            threads.reserve(setup.depth);
            for (unsigned i = 0; i < setup.depth; ++i)
                threads.emplace_back([&, buffer = setup.arena.bytes(i)] {
                    std::uint64_t at = 0;
                    while ((at = next.fetch_add(setup.block)) < file().bytes())
                        if (::pread(
                                file().fd(), buffer.data(), setup.block, static_cast<off_t>(at)) <
                            0)
                            failed = true;
                });
        }
        if (failed)
            return state.SkipWithError("a read failed");
    }
    report(state, cpu_seconds() - before);
}

void arguments(benchmark::internal::Benchmark* bench) {
    bench->ArgNames({"KiB", "depth"})
        ->Args({4096, 8})
        ->Args({1024, 16})
        ->Args({64, 32})
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
}

BENCHMARK(by_ring)->Apply(arguments);
BENCHMARK(by_liburing)->Apply(arguments);
BENCHMARK(by_pread)->Apply(arguments);

} // namespace
