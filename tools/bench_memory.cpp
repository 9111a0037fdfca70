#include <tz/engine/memory.hpp>
#include <tz/format/error.hpp>
#include <tz/tools/bench_memory.hpp>

#include <algorithm>
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

void prepare_memory(std::size_t bytes) {
    if (bytes == 0)
        return;
    const FreshMemory memory(bytes, Pages::huge);
    HostMemory::touch(memory.bytes());
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
