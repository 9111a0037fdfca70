// A Target in memory that takes whole parts, and fails where it is told to.
#pragma once

#include <tz/engine/loop.hpp>
#include <tz/engine/target.hpp>
#include <tz/format/error.hpp>

#include <boost/asio/steady_timer.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <set>
#include <span>
#include <vector>

namespace tz::test {

/// Keeps what it gets, and notes what it is told.
class KeptTarget final : public Target {
public:
    KeptTarget() : Target("kept") {}

    std::uint64_t part_bytes = 64 << 10;
    std::int64_t fails_at = -1; ///< offset of the write that fails
    bool fails_to_publish = false;
    std::vector<std::byte> bytes;
    std::multiset<std::uint64_t> offsets;
    int begun = 0, published = 0, abandoned = 0;
    std::chrono::steady_clock::time_point given_up_at{}; ///< what abandon() was told
    int writing = 0, writing_most = 0;

    TargetShape shape(std::uint64_t) const override { return {part_bytes}; }

    awaitable<void> begin(Loop&, std::uint64_t size) override {
        ++begun;
        bytes.resize(size);
        co_return;
    }

    awaitable<void>
    write(Loop& loop, std::span<const std::byte> part, std::uint64_t offset) override {
        {
            const std::lock_guard lock(mutex_);
            EXPECT_EQ(published, 0) << "written to after it had its name";
            writing_most = std::max(writing_most, ++writing);
            offsets.insert(offset);
        }
        asio::steady_timer timer(loop.context(), std::chrono::milliseconds(1));
        co_await timer.async_wait(use_awaitable);
        if (static_cast<std::int64_t>(offset) == fails_at)
            throw Error(errc::io, "no").in(name());
        const std::lock_guard lock(mutex_);
        --writing;
        std::ranges::copy(part, bytes.begin() + static_cast<std::ptrdiff_t>(offset));
    }

    awaitable<void> publish(Loop&) override {
        ++published;
        if (fails_to_publish)
            throw Error(errc::io, "no");
        co_return;
    }

    awaitable<void> abandon(Loop&, std::chrono::steady_clock::time_point until) noexcept override {
        given_up_at = until;
        ++abandoned;
        co_return;
    }

private:
    std::mutex mutex_;
};

} // namespace tz::test
