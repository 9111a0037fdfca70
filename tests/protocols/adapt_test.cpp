// The controller on simulated links: what share of the best throughput it reaches, when, and
// whether it comes to rest.
#include <tz/protocols/adapt.hpp>
#include <tz/tests/support/files.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <vector>

namespace tz {
namespace {

constexpr double tick_seconds = 0.5;
constexpr double gbit = 1e9 / 8;

/// What `lanes` connections do together.
struct Answer {
    double rate = 0;       ///< bytes a second
    unsigned served = ~0u; ///< lanes that get anything
    double throttled = 0;  ///< share of the answers
};

using Server = std::function<Answer(unsigned lanes)>;

Server link(double rate, double per_lane) {
    return [=](unsigned lanes) { return Answer{std::min(rate, per_lane * lanes)}; };
}

struct Course {
    std::vector<unsigned> lanes; ///< in each tick
    std::vector<double> rates;   ///< without the noise

    /// Of the time from `from` on, in seconds.
    double share(double best, double from) const {
        const auto first = rates.begin() + static_cast<std::ptrdiff_t>(from / tick_seconds);
        double sum = 0;
        for (auto rate = first; rate != rates.end(); ++rate)
            sum += *rate;
        return sum / static_cast<double>(rates.end() - first) / best;
    }

    /// Seconds until throughput was this share of the best for the first time.
    double time_to(double share, double best) const {
        const auto reached = std::find_if(
            rates.begin(), rates.end(), [&](double rate) { return rate >= share * best; });
        return static_cast<double>(reached - rates.begin()) * tick_seconds;
    }

    unsigned changes(double from) const {
        unsigned count = 0;
        for (auto i = static_cast<std::size_t>(from / tick_seconds) + 1; i < lanes.size(); ++i)
            count += lanes[i] != lanes[i - 1];
        return count;
    }

    /// Where it is most of the last half.
    unsigned usual() const {
        std::vector<unsigned> half(
            lanes.begin() + static_cast<std::ptrdiff_t>(lanes.size() / 2), lanes.end());
        std::nth_element(half.begin(), half.begin() + half.size() / 2, half.end());
        return half[half.size() / 2];
    }
};

/// `noise`: each tick's bytes are off by up to this share.
Course simulate(
    const AdaptOptions& options,
    const Server& server,
    double seconds,
    double noise = 0,
    std::uint64_t seed = 0) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> off(1 - noise, 1 + noise);
    std::uniform_real_distribution<double> chance(0, 1);
    Adapt adapt(options);
    Course course;
    unsigned working = adapt.wanted();
    for (double time = 0; time < seconds; time += tick_seconds) {
        const Answer answer = server(working);
        const double rate = answer.rate * (noise > 0 ? off(random) : 1.0);
        Tick tick;
        tick.seconds = tick_seconds;
        tick.bytes = static_cast<std::uint64_t>(rate * tick_seconds);
        tick.active = std::min(working, answer.served);
        tick.answers = static_cast<unsigned>(rate * tick_seconds / (8 << 20)) + 1;
        for (unsigned i = 0; i < tick.answers; ++i)
            tick.throttled += chance(random) < answer.throttled;
        course.lanes.push_back(working);
        course.rates.push_back(answer.rate);
        const unsigned wanted = adapt.tick(tick);
        working = wanted;
        EXPECT_GE(wanted, options.min);
        EXPECT_LE(wanted, options.max);
    }
    return course;
}

struct LinkRow {
    double gbits;
    double per_lane;
    double reached_by; ///< seconds until 95 % of what 64 lanes can do
};

TEST(Adapt, ReachesWhatALinkHas) {
    for (const LinkRow& row : {
             LinkRow{1, 0.1e9, 0},
             LinkRow{1, 0.4e9, 0},
             LinkRow{10, 0.1e9, 0},
             LinkRow{10, 0.4e9, 0},
             LinkRow{25, 0.1e9, 4},
             LinkRow{25, 0.4e9, 0},
             LinkRow{100, 0.1e9, 8}, // 64 lanes are the limit
         }) {
        const double best = std::min(row.gbits * gbit, 64 * row.per_lane);
        const Course course = simulate({}, link(row.gbits * gbit, row.per_lane), 120);
        EXPECT_LE(course.time_to(0.95, best), row.reached_by) << row.gbits << ' ' << row.per_lane;
        EXPECT_GE(course.share(best, row.reached_by), 0.97) << row.gbits << ' ' << row.per_lane;
        EXPECT_LE(course.changes(60), 6u) << row.gbits << ' ' << row.per_lane;
    }
}

TEST(Adapt, ReachesItThroughNoise) {
    const std::uint64_t seed = test::seed();
    for (std::uint64_t i = 0; i < 50; ++i)
        for (const LinkRow& row : {
                 LinkRow{1, 0.1e9, 0},
                 LinkRow{10, 0.1e9, 0},
                 LinkRow{10, 0.4e9, 0},
                 LinkRow{25, 0.1e9, 10},
             }) {
            const double best = std::min(row.gbits * gbit, 64 * row.per_lane);
            const Course course =
                simulate({}, link(row.gbits * gbit, row.per_lane), 120, 0.2, seed + i);
            EXPECT_GE(course.share(best, row.reached_by), 0.93)
                << row.gbits << ' ' << row.per_lane << " TZ_TEST_SEED=" << seed << '+' << i;
            EXPECT_LE(course.changes(60), 16u) << "TZ_TEST_SEED=" << seed << '+' << i;
        }
}

TEST(Adapt, LetsGoOfLanesThatGetNothing) {
    const Server two = [](unsigned lanes) { return Answer{0.2e9 * std::min(lanes, 2u), 2}; };
    const Course course = simulate({}, two, 120);
    EXPECT_LE(course.lanes[10], 3u);
    EXPECT_GE(course.share(0.4e9, 0), 0.97);
    EXPECT_LE(course.usual(), 3u);
    EXPECT_LE(course.changes(60), 8u);
}

TEST(Adapt, StaysBelowWhatAServerThrottles) {
    const Server above_eight = [](unsigned lanes) {
        const unsigned served = std::min(lanes, 8u);
        return Answer{0.1e9 * served, ~0u, 1 - static_cast<double>(served) / lanes};
    };
    const Course course = simulate({}, above_eight, 300);
    EXPECT_EQ(course.usual(), 8u);
    EXPECT_GE(course.share(0.8e9, 5), 0.97);
    EXPECT_LE(course.changes(150), 6u);
}

TEST(Adapt, HalvesAtOnceWhereMostIsThrottled) {
    Adapt adapt({});
    Tick tick{.seconds = 0.5, .bytes = 1 << 20, .active = 16, .answers = 10, .throttled = 8};
    unsigned ticks = 0;
    while (adapt.wanted() == 16 && ++ticks < 10)
        adapt.tick(tick);
    EXPECT_EQ(adapt.wanted(), 8u);
    EXPECT_LE(ticks, 3u);
}

TEST(Adapt, GrowsAgainWhenThrottlingEnds) {
    unsigned calls = 0;
    const Server burst = [&](unsigned lanes) {
        return Answer{0.1e9 * lanes, ~0u, calls++ < 6 ? 0.9 : 0.0};
    };
    const Course course = simulate({}, burst, 60);
    EXPECT_LE(*std::min_element(course.lanes.begin(), course.lanes.end()), 8u);
    EXPECT_GT(course.lanes.back(), course.lanes.front()); // by quarters: it was told off
}

TEST(Adapt, IsNotDisturbedBySingleThrottledAnswers) {
    const std::uint64_t seed = test::seed();
    const Server some = [](unsigned lanes) {
        return Answer{std::min(1 * gbit, 0.1e9 * lanes), ~0u, 0.05};
    };
    for (std::uint64_t i = 0; i < 20; ++i) {
        const Course course = simulate({}, some, 90, 0, seed + i);
        EXPECT_GE(course.share(1 * gbit, 0), 0.95) << "TZ_TEST_SEED=" << seed << '+' << i;
    }
}

// What one lane does alone, one that stalls does not: a link of 1 Gbit/s stood still for half of a
// load that trials had brought down to a single lane.
TEST(Adapt, KeepsSomeLanesOnALinkThatFaultsUpset) {
    const std::uint64_t seed = test::seed();
    for (std::uint64_t i = 0; i < 20; ++i) {
        std::mt19937_64 random(seed + i);
        std::uniform_real_distribution<double> chance(0, 1);
        const Server upset = [&](unsigned lanes) {
            const double dip = chance(random) < 0.2 ? 0.3 : 1.0;
            return Answer{dip * std::min(1 * gbit, 0.5e9 * lanes)};
        };
        const Course course = simulate({.start = 4, .max = 32}, upset, 300, 0.1, seed + i);
        EXPECT_GE(*std::min_element(course.lanes.begin(), course.lanes.end()), 4u)
            << "TZ_TEST_SEED=" << seed << '+' << i;
    }
}

TEST(Adapt, FindsTheWayBackWhereMoreLanesCollapse) {
    for (const unsigned most : {4u, 8u, 12u, 20u, 40u}) {
        const Server disk = [most](unsigned lanes) { // as a disk whose heads begin to travel
            const double over = std::max(1.0, static_cast<double>(lanes) / most);
            return Answer{0.1e9 * std::min(lanes, most) / (over * over)};
        };
        const Course course = simulate({}, disk, 240);
        EXPECT_GE(course.share(0.1e9 * most, 120), 0.7) << most;
        EXPECT_LE(course.changes(120), 8u) << most;
    }
}

TEST(Adapt, FindsTheWayBackOverACliff) {
    const Server cliff = [](unsigned lanes) { return Answer{lanes > 8 ? 0.2e9 : 0.1e9 * lanes}; };
    const Course course = simulate({}, cliff, 120);
    EXPECT_LE(course.time_to(0.95, 0.8e9), 40);
    EXPECT_EQ(course.usual(), 8u);
}

TEST(Adapt, StepsBackWhenATrialMakesConnectionsFail) {
    Adapt adapt({});
    Tick tick{.seconds = 0.5, .bytes = 100 << 20, .active = 64, .answers = 10};
    for (int i = 0; i < 20 && adapt.wanted() == 16; ++i)
        adapt.tick(tick);
    ASSERT_EQ(adapt.wanted(), 32u);
    tick.errors = 20;
    tick.bytes *= 2;
    for (int i = 0; i < 3; ++i)
        adapt.tick(tick);
    EXPECT_EQ(adapt.wanted(), 16u);
}

TEST(Adapt, DecidesNothingWhileNothingMoves) {
    Adapt adapt({});
    for (int i = 0; i < 100; ++i)
        adapt.tick({.seconds = 0.5});
    EXPECT_EQ(adapt.wanted(), 16u);
}

TEST(Adapt, BringsOthersWhereAFewLanesStall) {
    Adapt adapt({.start = 4, .max = 32});
    std::vector<unsigned> wanted; // two of the four wait for what the stalled ones are to bring
    for (int i = 0; i < 50; ++i)
        wanted.push_back(adapt.tick({.seconds = 0.1, .active = 4, .waiting = 2}));
    EXPECT_EQ(wanted[8], 4u);
    EXPECT_EQ(wanted[10], 8u);
    EXPECT_EQ(wanted.back(), 16u); // an outage brings no more
}

TEST(Adapt, BringsNoOthersWhereNobodyAsks) {
    Adapt adapt({.start = 4, .max = 32});
    for (int i = 0; i < 100; ++i)
        adapt.tick({.seconds = 0.1, .active = 4, .waiting = 0});
    EXPECT_EQ(adapt.wanted(), 4u);
}

TEST(Adapt, BringsNoOthersToServersThatThrottled) {
    Adapt adapt({.start = 8, .max = 32});
    for (int i = 0; i < 20 && adapt.wanted() == 8; ++i)
        adapt.tick({.seconds = 0.1, .bytes = 1 << 20, .active = 8, .answers = 10, .throttled = 8});
    ASSERT_EQ(adapt.wanted(), 4u);
    for (int i = 0; i < 100; ++i)
        adapt.tick({.seconds = 0.1, .active = 4, .waiting = adapt.wanted()});
    EXPECT_LE(adapt.wanted(), 7u);
}

TEST(Adapt, StaysWhereTheUserPutIt) {
    const Course course = simulate({.start = 5, .fixed = true}, link(25 * gbit, 0.1e9), 60);
    EXPECT_EQ(course.changes(0), 0u);
    EXPECT_EQ(course.lanes.back(), 5u);
    Adapt adapt({.start = 5, .fixed = true});
    for (int i = 0; i < 20; ++i)
        adapt.tick({.seconds = 0.5, .bytes = 1, .active = 5, .answers = 9, .throttled = 9});
    EXPECT_EQ(adapt.wanted(), 5u);
}

TEST(Adapt, KeepsToItsLimits) {
    EXPECT_EQ(Adapt({.start = 16, .max = 4}).wanted(), 4u);
    EXPECT_EQ(simulate({.start = 2, .max = 3}, link(25 * gbit, 0.1e9), 60).lanes.back(), 3u);
    const Course one = simulate({.start = 1, .max = 1}, link(25 * gbit, 0.1e9), 60);
    EXPECT_EQ(one.changes(0), 0u);
}

} // namespace
} // namespace tz
