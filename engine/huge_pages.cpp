#include <tz/engine/huge_pages.hpp>

#include <algorithm>

namespace tz {

namespace {

// What 2 MiB of small pages take (0.7 ms), and some room for slower machines (November 2026). A
// huge page at hand takes 0.3 ms, one that the host has to find 4.5 ms.
constexpr std::chrono::microseconds small_pages{1000};
// It was there already.
constexpr std::chrono::microseconds nothing_below{50};

} // namespace

HugePages& HugePages::of_process() {
    static HugePages pages;
    return pages;
}

void HugePages::note(std::chrono::nanoseconds cpu) {
    if (cpu < nothing_below || too_dear())
        return;
    // that one is lost where two threads meet does no harm
    excess_ = std::max<std::int64_t>(0, excess_ + (cpu - small_pages).count());
}

} // namespace tz
