#include <tz/engine/stats.hpp>
#include <tz/tests/support/one_second.hpp>

#include <gtest/gtest.h>

namespace tz {
namespace {

using test::one_second;

TEST(Verdict, NamesTheSourceWhenLanesWaitForIt) {
    LoadStats stats = one_second(0.4);
    stats.read = {2'000'000'000, 0.1, 15};
    stats.source_seconds = 0.95;
    const Verdict verdict = verdict_of(stats);
    EXPECT_EQ(verdict.bound, Bound::source);
    EXPECT_NEAR(verdict.share, 0.95, 1e-9);
    EXPECT_EQ(explain(stats), "bound by the source: 95 % of its ceiling of 2.11 GB/s");
}

TEST(Verdict, NamesTheCostliestStageWhenTheCoresAreBusy) {
    LoadStats stats = one_second(1.8);
    stats.read = {2'000'000'000, 0.3, 2};
    stats.verify.cpu_seconds = 0.3;
    stats.decrypt.cpu_seconds = 1.2;
    stats.source_seconds = 0.9; // reads wait now and then all the time
    const Verdict verdict = verdict_of(stats);
    EXPECT_EQ(verdict.bound, Bound::cores);
    EXPECT_EQ(verdict.stage, "decrypt");
    EXPECT_NEAR(verdict.share, 0.9, 1e-9);
    EXPECT_EQ(
        explain(stats),
        "bound by the cores, 67 % of their work decrypting: 90 % of its ceiling of 2.22 GB/s");
}

TEST(Verdict, NamesTheCallerWhenItsCallbackTakesTheTime) {
    LoadStats stats = one_second(0.5);
    stats.deliver_seconds = 0.98;
    const Verdict verdict = verdict_of(stats);
    EXPECT_EQ(verdict.bound, Bound::delivery);
    EXPECT_EQ(explain(stats), "bound by the delivery callback: 98 % of its ceiling of 2.04 GB/s");
}

TEST(Verdict, NamesTheSinkWhenLanesWaitForIt) {
    LoadStats stats = one_second(0.4);
    stats.read = {2'000'000'000, 0.1, 3};
    stats.put = {2'000'000'000, 0, 12};
    stats.sink_seconds = 0.8;
    const Verdict verdict = verdict_of(stats);
    EXPECT_EQ(verdict.bound, Bound::sink);
    EXPECT_EQ(explain(stats), "bound by where the tensors go: 80 % of its ceiling of 2.50 GB/s");
}

TEST(Verdict, NamesNoSourceAndNoSinkThatWasNotWaitedFor) {
    const struct {
        double cpu_seconds;
        double read_waits;
        double put_waits;
        const char* text;
    } cases[] = {
        {0.4,
         15,
         0,
         "bound by the wait for cores, which others may have used: 20 % of its ceiling of 10.00 "
         "GB/s"},
        {0.4,
         2,
         12,
         "bound by the wait for cores, which others may have used: 20 % of its ceiling of 10.00 "
         "GB/s"},
        {1.4,
         15,
         0,
         "bound by the cores, 100 % of their work reading: 70 % of its ceiling of 2.86 GB/s"},
        {0, 15, 0, "bound by the wait for cores, which others may have used"},
        {0, 0, 0, "bound by the cores, 100 % of their work reading"},
    };

    for (const auto& one : cases) {
        LoadStats stats = one_second(one.cpu_seconds);
        stats.read = {2'000'000'000, 0.1, one.read_waits};
        stats.put = {0, 0, one.put_waits};
        EXPECT_EQ(verdict_of(stats).bound, Bound::cores);
        EXPECT_EQ(explain(stats), one.text);
    }
}

TEST(Verdict, NeverSaysMoreThanAll) {
    LoadStats stats = one_second(2.5); // a clock that ticks coarsely
    EXPECT_EQ(verdict_of(stats).share, 1);
}

TEST(Verdict, OfAnEmptyLoadIsHarmless) {
    EXPECT_EQ(verdict_of(LoadStats{}).share, 0);
    EXPECT_FALSE(explain(LoadStats{}).empty());
}

} // namespace
} // namespace tz
