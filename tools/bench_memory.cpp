#include <tz/format/error.hpp>
#include <tz/tools/bench_memory.hpp>
#include <tz/tools/bench_stop.hpp>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>
#include <sys/mman.h>

namespace tz::bench {

FreshMemory::FreshMemory(std::size_t bytes, Pages pages) : size_(bytes) {
    void* data = ::mmap(
        nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data == MAP_FAILED)
        throw Error(errc::limit, "no room for " + std::to_string(bytes) + " bytes of memory");
    data_ = static_cast<std::byte*>(data);
    ::madvise(data_, bytes, pages == Pages::huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

FreshMemory::~FreshMemory() {
    ::munmap(data_, size_);
}

void FreshMemory::touch(std::size_t offset, std::size_t bytes) const {
    constexpr int populate_write = 23; // Linux 5.14; older kernels answer EINVAL
    std::byte* begin = data_ + offset;
    if (::madvise(begin, bytes, populate_write) != 0)
        std::memset(begin, 0, bytes);
}

void prepare_memory(std::size_t bytes, const std::stop_token& stop) {
    if (bytes == 0)
        return;
    const FreshMemory memory(bytes, Pages::huge);
    constexpr std::size_t step = 256 << 20; // some tenths of a second at worst
    for (std::size_t at = 0; at < bytes; at += step) {
        check_stop(stop);
        memory.touch(at, std::min(step, bytes - at));
    }
}

std::uint64_t memory_field(const std::string& file, const std::string& field) {
    std::ifstream fields("/proc/self/" + file);
    std::string word;
    std::uint64_t kibibytes = 0;
    while (fields >> word) {
        if (word == field && fields >> kibibytes)
            return kibibytes << 10;
        fields.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
    }
    return 0;
}

std::uint64_t anonymous_huge_bytes() {
    return memory_field("smaps_rollup", "AnonHugePages:");
}

std::uint64_t huge_bytes_since(std::uint64_t before) {
    const std::uint64_t now = anonymous_huge_bytes();
    return now - std::min(before, now);
}

} // namespace tz::bench
