#include <tz/format/error.hpp>
#include <tz/tools/bench_ceilings.hpp>
#include <tz/tools/bench_descriptor.hpp>
#include <tz/tools/bench_fio.hpp>
#include <tz/tools/bench_memory.hpp>
#include <tz/tools/bench_stop.hpp>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <sys/mman.h>
#include <thread>

namespace tz::bench {

namespace {

constexpr std::size_t block_bytes = 4 << 20;
constexpr std::size_t page_bytes = 4096;
// As many O_DIRECT readers as keep a disk busy; two threads would leave its queue empty.
constexpr unsigned direct_threads = 8;

/// Deals the blocks of a file to threads, until `stop`; throws what the first failing one threw.
template <typename Work>
void for_each_block(unsigned threads, std::uint64_t bytes, const std::stop_token& stop, Work work) {
    std::atomic<std::uint64_t> next = 0;
    std::mutex mutex;
    std::exception_ptr failure;
    const auto loop = [&](unsigned thread) {
        try {
            for (;;) {
                check_stop(stop);
                const std::uint64_t at = next.fetch_add(block_bytes);
                if (at >= bytes)
                    return;
                work(thread, at, std::min<std::uint64_t>(block_bytes, bytes - at));
            }
        } catch (...) {
            const std::scoped_lock lock(mutex);
            if (!failure)
                failure = std::current_exception();
        }
    };
    {
        std::vector<std::jthread> pool;
        pool.reserve(threads);
        for (unsigned thread = 0; thread < threads; ++thread)
            pool.emplace_back(loop, thread);
    }
    if (failure)
        std::rethrow_exception(failure);
}

std::size_t whole_pages(std::uint64_t bytes) {
    return (bytes + page_bytes - 1) / page_bytes * page_bytes;
}

Sample read_into_fresh(
    const std::string& path,
    unsigned threads,
    Pages pages,
    bool direct,
    const std::stop_token& stop) {
    const std::uint64_t huge_before = anonymous_huge_bytes();
    const Stopwatch watch;
    const Descriptor file(path, direct);
    const FreshMemory memory(whole_pages(file.bytes()), pages);
    for_each_block(threads, file.bytes(), stop, [&](unsigned, std::uint64_t at, std::size_t bytes) {
        const std::span<std::byte> to = memory.bytes().subspan(at, whole_pages(bytes));
        std::size_t done = 0;
        while (done < bytes) {
            const std::size_t got = file.read(to.subspan(done), at + done);
            if (got == 0)
                throw Error(errc::format, "the file ends too soon", at + done).in(path);
            done += got;
        }
    });
    Sample sample = watch.stop(file.bytes());
    sample.huge_bytes = huge_bytes_since(huge_before);
    return sample;
}

Sample read_into_reused(const std::string& path, unsigned threads, const std::stop_token& stop) {
    const FreshMemory memory(threads * block_bytes, Pages::huge);
    std::ranges::fill(memory.bytes(), std::byte{1});
    const Stopwatch watch;
    const Descriptor file(path);
    for_each_block(
        threads, file.bytes(), stop, [&](unsigned thread, std::uint64_t at, std::size_t bytes) {
            file.read(memory.bytes().subspan(thread * block_bytes, bytes), at);
        });
    return watch.stop(file.bytes());
}

Sample copy_from_mapping(const std::string& path, unsigned threads, const std::stop_token& stop) {
    const std::uint64_t huge_before = anonymous_huge_bytes();
    const Stopwatch watch;
    const Descriptor file(path);
    const FreshMemory memory(whole_pages(file.bytes()), Pages::huge);
    void* map = ::mmap(nullptr, file.bytes(), PROT_READ, MAP_SHARED, file.get(), 0);
    if (map == MAP_FAILED)
        throw Error(errc::io, "cannot map the file").in(path);
    const auto* from = static_cast<const std::byte*>(map);
    const std::unique_ptr<void, std::function<void(void*)>> unmapped(
        map, [&file](void* begin) { ::munmap(begin, file.bytes()); });
    for_each_block(threads, file.bytes(), stop, [&](unsigned, std::uint64_t at, std::size_t bytes) {
        std::memcpy(memory.bytes().data() + at, from + at, bytes);
    });
    Sample sample = watch.stop(file.bytes());
    sample.huge_bytes = huge_bytes_since(huge_before);
    return sample;
}

std::string times(const char* what, unsigned threads) {
    return std::string(what) + " x" + std::to_string(threads);
}

} // namespace

std::vector<Entry>
file_ceilings(const std::string& file, Cache cache, const CeilingOptions& options) {
    std::vector<Entry> entries;
    const unsigned cores = options.cores;
    const std::stop_token stop = options.stop;
    const std::size_t file_bytes = Descriptor(file).bytes();
    const auto add = [&](std::string name, bool delivers, std::function<Sample()> run) {
        Entry entry{.role = Role::source, .cache = cache, .name = std::move(name), .file = file};
        entry.delivers = delivers;
        entry.memory_bytes = delivers ? file_bytes : 0;
        entry.run = std::move(run);
        entries.push_back(std::move(entry));
    };
    if (cache == Cache::warm) {
        add(times("pread", cores) + ", fresh huge pages", true, [=] {
            return read_into_fresh(file, cores, Pages::huge, false, stop);
        });
        add(times("pread", cores) + ", fresh 4 KiB pages", true, [=] {
            return read_into_fresh(file, cores, Pages::small, false, stop);
        });
        add(times("mapping copied", cores) + ", fresh huge pages", true, [=] {
            return copy_from_mapping(file, cores, stop);
        });
        add(times("pread", cores) + ", reused buffers", false, [=] {
            return read_into_reused(file, cores, stop);
        });
        return entries;
    }
    add(times("pread O_DIRECT", direct_threads) + ", fresh huge pages", true, [=] {
        return read_into_fresh(file, direct_threads, Pages::huge, true, stop);
    });
    add(times("pread", cores) + ", fresh huge pages", true, [=] {
        return read_into_fresh(file, cores, Pages::huge, false, stop);
    });
    if (!options.fio)
        return entries;
    for (const FioJob& job : usual_fio_jobs())
        add(fio_name(job), false, [=] { return run_fio(file, job, stop); });
    return entries;
}

} // namespace tz::bench
