// How much memory the parsing of an input may take: three times the input, and 16 MiB. Counted on
// the thread that parses, by the sanitizer's hooks, so without what a Secret locks.
#pragma once

#include "require.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <sanitizer/allocator_interface.h>

namespace tz::test {

constexpr std::int64_t memory_allowed(std::size_t input_bytes) {
    return 3 * static_cast<std::int64_t>(input_bytes) + (16 << 20);
}

/// Counts what is held at most while it lives, beside what was there before. One at a time on a
/// thread.
class PeakMemory {
public:
    PeakMemory() {
        static const int installed = __sanitizer_install_malloc_and_free_hooks(&add, &take);
        require(installed > 0);
        held() = {};
        held().counts = true;
    }

    ~PeakMemory() { held().counts = false; }

    PeakMemory(const PeakMemory&) = delete;
    PeakMemory& operator=(const PeakMemory&) = delete;

    /// Of the last one on this thread.
    static std::int64_t of_last() { return held().peak; }

private:
    struct Held {
        std::int64_t now = 0; ///< below 0 where what was there before is freed
        std::int64_t peak = 0;
        bool counts = false;
    };

    static Held& held() {
        static thread_local Held of_thread;
        return of_thread;
    }

    static void add(const volatile void* /*memory*/, std::size_t bytes) {
        if (!held().counts)
            return;
        held().now += static_cast<std::int64_t>(bytes);
        held().peak = std::max(held().peak, held().now);
    }

    static void take(const volatile void* memory) {
        if (held().counts && memory != nullptr)
            held().now -= static_cast<std::int64_t>(__sanitizer_get_allocated_size(memory));
    }
};

/// Ends the program where more is held at once, while it lives, than its input allows.
class MemoryBound {
public:
    explicit MemoryBound(std::size_t input_bytes) : allowed_(memory_allowed(input_bytes)) {}

    ~MemoryBound() {
        if (PeakMemory::of_last() <= allowed_)
            return;
        std::fprintf(
            stderr,
            "%lld bytes of memory were held at once, and %lld are allowed\n",
            static_cast<long long>(PeakMemory::of_last()),
            static_cast<long long>(allowed_));
        require(false);
    }

    MemoryBound(const MemoryBound&) = delete;
    MemoryBound& operator=(const MemoryBound&) = delete;

private:
    std::int64_t allowed_;
    PeakMemory peak_; // still counts in the destructor's body, which frees nothing
};

} // namespace tz::test
