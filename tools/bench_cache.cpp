#include <tz/tools/bench_cache.hpp>
#include <tz/tools/bench_descriptor.hpp>
#include <tz/tools/bench_stop.hpp>

#include <algorithm>
#include <cstdint>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

namespace tz::bench {

namespace {

// cachestat(2), Linux 6.5; Debian 12's headers don't know it yet. The number is the same
// everywhere.
constexpr long cachestat_call = 451;

struct CachestatRange {
    std::uint64_t offset, bytes;
};

struct Cachestat {
    std::uint64_t cached, dirty, writeback, evicted, recently_evicted;
};

std::uint64_t pages_by_mincore(const Descriptor& file, std::uint64_t pages) {
    void* map = ::mmap(nullptr, file.bytes(), PROT_READ, MAP_SHARED, file.get(), 0);
    if (map == MAP_FAILED)
        return 0;
    std::vector<unsigned char> resident(pages);
    ::mincore(map, file.bytes(), resident.data());
    ::munmap(map, file.bytes());
    return static_cast<std::uint64_t>(
        std::ranges::count_if(resident, [](unsigned char page) { return (page & 1) != 0; }));
}

} // namespace

double cached_share(const std::string& path) {
    const Descriptor file(path);
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const std::uint64_t pages = (file.bytes() + page - 1) / page;
    if (pages == 0)
        return 0;
    CachestatRange all{0, 0};
    Cachestat found{};
    std::uint64_t cached = 0;
    if (::syscall(cachestat_call, file.get(), &all, &found, 0) == 0)
        cached = found.cached;
    else
        cached = pages_by_mincore(file, pages);
    return std::min(1.0, static_cast<double>(cached) / static_cast<double>(pages));
}

void make_cold(const std::string& path) {
    const Descriptor file(path);
    ::fsync(file.get()); // dirty pages can't be dropped
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
}

void make_warm(const std::string& path, const std::stop_token& stop) {
    if (cached_share(path) == 1)
        return;
    const Descriptor file(path);
    std::vector<std::byte> block(1 << 20);
    std::uint64_t offset = 0;
    while (const std::size_t bytes = file.read(block, offset)) {
        check_stop(stop);
        offset += bytes;
    }
}

} // namespace tz::bench
