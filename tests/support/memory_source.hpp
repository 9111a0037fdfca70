// A Source over bytes in memory, which can be slow, cut short, or fail at the n-th read.
#pragma once

#include <tz/engine/loop.hpp>
#include <tz/engine/reader.hpp>
#include <tz/format/error.hpp>

#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <vector>

namespace tz::test {

class MemorySource final : public Source {
public:
    explicit MemorySource(std::vector<std::byte> bytes)
        : Source("memory", bytes.size()),
          content(std::move(bytes)) {}

    std::vector<std::byte> content;
    Route route = Route::buffered;
    std::chrono::microseconds delay{0};                  ///< before each read
    std::function<void(std::uint64_t read)> before_read; ///< on a loop; may throw
    bool changed = false;                                ///< what check_unchanged() finds
    mutable std::atomic<std::uint64_t> reads = 0;

    std::size_t alignment() const override { return 4096; }

    std::unique_ptr<Reader> reader(Loop& loop, ReadCounters& counters) const override {
        return std::make_unique<MemoryReader>(*this, loop, counters);
    }

    void check_unchanged() const override {
        if (changed)
            throw Error(errc::object_changed, "changed");
    }

private:
    class MemoryReader final : public Reader {
    public:
        MemoryReader(const MemorySource& source, Loop& loop, ReadCounters& counters)
            : source_(source),
              counters_(counters),
              timer_(loop.context()) {}

        Route route(std::uint64_t, std::size_t) override { return source_.route; }

        awaitable<void>
        read(Route, std::uint64_t offset, std::span<const Buffer> to, std::size_t need) override {
            const std::uint64_t number = source_.reads++;
            if (source_.delay.count() > 0) {
                timer_.expires_after(source_.delay);
                co_await timer_.async_wait(use_awaitable);
            }
            if (source_.before_read)
                source_.before_read(number);
            std::uint64_t at = offset;
            for (const Buffer& buffer : to) {
                const std::uint64_t left =
                    source_.content.size() - std::min<std::uint64_t>(at, source_.content.size());
                const auto size = std::min<std::size_t>(left, buffer.bytes.size());
                std::memcpy(buffer.bytes.data(), source_.content.data() + at, size);
                at += size;
            }
            if (at < offset + need)
                throw Error(errc::object_changed, "the source ends", at);
            counters_.bytes += need;
        }

    private:
        const MemorySource& source_;
        ReadCounters& counters_;
        asio::steady_timer timer_;
    };
};

} // namespace tz::test
