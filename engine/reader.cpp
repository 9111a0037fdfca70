#include <tz/engine/loop.hpp>
#include <tz/engine/meter.hpp>
#include <tz/engine/reader.hpp>

#include <algorithm>
#include <utility>

namespace tz {

CpuCount::CpuCount(ReadCounters& counters)
    : counters_(counters),
      began_(static_cast<std::uint64_t>(thread_cpu().count())) {}

CpuCount::~CpuCount() {
    counters_.cpu_nanoseconds += static_cast<std::uint64_t>(thread_cpu().count()) - began_;
}

void touch_fresh(std::span<const Buffer> to) {
    for (const Buffer& buffer : to)
        if (buffer.fresh)
            HostMemory::touch(buffer.bytes);
}

awaitable<void> touch_fresh(Loop& loop, std::span<const Buffer> to, ReadCounters& counters) {
    if (std::none_of(to.begin(), to.end(), [](const Buffer& buffer) { return buffer.fresh; }))
        co_return;
    auto touch = [to, &counters] {
        const CpuCount cpu(counters);
        touch_fresh(to);
    };
    co_await loop.workers().run(std::move(touch));
}

} // namespace tz
