#include <tz/protocols/stall_meter.hpp>

#include <gtest/gtest.h>

#include <vector>

namespace tz {
namespace {

/// The tick, from 1, at which it calls a stall; 0 for never.
int stalled_at(const std::vector<std::uint64_t>& counters) {
    StallMeter meter(1000, 100);
    for (std::size_t i = 0; i < counters.size(); ++i)
        if (meter.tick(counters[i]))
            return static_cast<int>(i) + 1;
    return 0;
}

TEST(StallMeter, WaitsForAWholeWindow) {
    EXPECT_EQ(stalled_at({1000, 1000, 1000}), 0);
    EXPECT_EQ(stalled_at({1000, 1000, 1000, 1000}), 4);
    EXPECT_EQ(stalled_at({1000, 1000, 1000, 1099}), 4);
    EXPECT_EQ(stalled_at({1000, 1000, 1000, 1100}), 0);
}

TEST(StallMeter, NoticesAStallAWindowAfterTheLastBytes) {
    // they come early in the first window; two whole ones would end at the eighth tick
    EXPECT_EQ(stalled_at({9000, 9000, 9000, 9000, 9000}), 5);
    EXPECT_EQ(stalled_at({1000, 1000, 1000, 9000, 9000, 9000, 9000, 9000}), 8);
}

TEST(StallMeter, BearsACounterThatFalls) {
    EXPECT_EQ(stalled_at({5000, 4900, 5000, 5100, 5100}), 0);
    EXPECT_EQ(stalled_at({5000, 4900, 5000, 5100, 4950}), 5);
}

TEST(StallMeter, IsContentWithWhatIsJustEnough) {
    std::vector<std::uint64_t> steady;
    for (std::uint64_t i = 1; i <= 100; ++i)
        steady.push_back(1000 + 25 * i);
    EXPECT_EQ(stalled_at(steady), 0);
    std::vector<std::uint64_t> bursts; // all in one tick of four
    for (std::uint64_t i = 0; i < 100; ++i)
        bursts.push_back(1000 + 100 * (i / 4 + 1));
    EXPECT_EQ(stalled_at(bursts), 0);
}

} // namespace
} // namespace tz
