#include <tz/engine/huge_pages.hpp>
#include <tz/engine/memory.hpp>
#include <tz/engine/meter.hpp>
#include <tz/format/error.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

namespace tz {

namespace {

constexpr std::size_t huge_page_bytes = 2 << 20;

// Linux 5.14; older headers lack it, older kernels answer EINVAL.
constexpr int populate_write = 23;

// One thread at a time makes a huge page present: the kernel lets all who meet there clear one, and
// keeps the first. By the huge page's number, so that two pages seldom share a lock.
std::array<std::mutex, 64> touching;

/// A part of one huge page.
void touch_block(std::span<std::byte> block) noexcept {
    static const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    const auto begin = reinterpret_cast<std::uintptr_t>(block.data()) / page * page;
    const auto end = reinterpret_cast<std::uintptr_t>(block.data()) + block.size();
    void* pages = reinterpret_cast<void*>(begin);
    const std::lock_guard lock(touching[begin / huge_page_bytes % touching.size()]);
    HugePages& huge_pages = HugePages::of_process();
    const bool small = huge_pages.too_dear();
    if (small)
        ::madvise(pages, end - begin, MADV_NOHUGEPAGE);
    const auto began = thread_cpu();
    // On failure (an old kernel) the pages come on first use instead.
    ::madvise(pages, end - begin, populate_write);
    if (!small)
        huge_pages.note(thread_cpu() - began);
}

} // namespace

HostMemory::HostMemory(std::size_t bytes) : size_(bytes) {
    if (bytes == 0)
        return;
    // Begins with a whole huge page, so that none at its start is lost and blocks are the same ones
    // each time: what lies before and behind is given back.
    const std::size_t reserved = bytes + huge_page_bytes;
    void* data = reserved < bytes ? MAP_FAILED
                                  : ::mmap(
                                        nullptr,
                                        reserved,
                                        PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                                        -1,
                                        0);
    if (data == MAP_FAILED)
        throw Error(
            errc::limit,
            "no room for " + std::to_string(bytes) + " bytes of memory",
            {},
            "load fewer tensors at once or free memory");
    auto* all = static_cast<std::byte*>(data);
    const std::size_t before =
        (huge_page_bytes - reinterpret_cast<std::uintptr_t>(all) % huge_page_bytes) %
        huge_page_bytes;
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t end = before + (bytes + page - 1) / page * page;
    if (before > 0)
        ::munmap(all, before);
    if (end < reserved)
        ::munmap(all + end, reserved - end);
    data_ = all + before;
    // The largest single lever for warm loads: 8 to 11 GB/s against 3.5 to 5 with 4 KiB pages.
    // Where the kernel has none to give, it hands out small pages.
    if (bytes < huge_page_bytes)
        return;
    ::madvise(data_, bytes, MADV_HUGEPAGE);
    HugePages::of_process().reset();
}

HostMemory::~HostMemory() {
    if (data_ != nullptr)
        ::munmap(data_, size_);
}

void HostMemory::touch(std::span<std::byte> range) noexcept {
    while (!range.empty()) {
        const std::span<std::byte> block = first_block(range);
        touch_block(block);
        range = range.subspan(block.size());
    }
}

std::span<std::byte> HostMemory::first_block(std::span<std::byte> range) noexcept {
    const auto into = reinterpret_cast<std::uintptr_t>(range.data()) % huge_page_bytes;
    return range.first(std::min(range.size(), huge_page_bytes - into));
}

} // namespace tz
