// What tz_soak decides: which schedules a seed draws, what they may come to, what has grown.
#include "outcome.hpp"
#include "plan.hpp"
#include "report.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace tz::soak {
namespace {

using namespace std::chrono_literals;
using Kind = test::FaultKind;

std::uint64_t hash_of_schedules(std::uint64_t seed, std::uint64_t count, const Roads& roads = {}) {
    std::uint64_t hash = 0;
    for (std::uint64_t i = 0; i < count; ++i)
        hash = hash_of(to_string(draw_plan(seed, i, roads)), hash);
    return hash;
}

TEST(SoakPlan, IsTheSameForTheSameSeed) {
    EXPECT_EQ(hash_of_schedules(7, 500), hash_of_schedules(7, 500));
    EXPECT_NE(hash_of_schedules(7, 500), hash_of_schedules(8, 500));
    EXPECT_NE(to_string(draw_plan(7, 1)), to_string(draw_plan(7, 2)));
}

TEST(SoakPlan, DoesNotDependOnThoseBefore) {
    const std::string alone = to_string(draw_plan(7, 400));
    hash_of_schedules(7, 400);
    EXPECT_EQ(to_string(draw_plan(7, 400)), alone);
}

TEST(SoakPlan, DrawsEveryRoadContentAndPlace) {
    std::set<Road> roads;
    std::set<Content> all_contents;
    std::set<Place> places;
    std::set<Change> changes;
    std::set<Saving> savings;
    for (std::uint64_t i = 0; i < 1000; ++i) {
        const Plan plan = draw_plan(3, i);
        roads.insert(plan.road);
        all_contents.insert(plan.content);
        places.insert(plan.place);
        changes.insert(plan.change);
        savings.insert(plan.saving);
    }
    EXPECT_EQ(roads.size(), 4u);
    EXPECT_EQ(all_contents.size(), contents);
    EXPECT_EQ(places.size(), 5u);
    EXPECT_EQ(changes.size(), 7u);
    EXPECT_EQ(savings.size(), 5u);
}

TEST(SoakPlan, DrawsOnlyTheRoadsThatAreAskedFor) {
    for (std::uint64_t i = 0; i < 200; ++i)
        EXPECT_NE(draw_plan(3, i, {Road::file, Road::save}).road, Road::http);
    EXPECT_EQ(draw_plan(3, 0, {Road::s3}).road, Road::s3);
    EXPECT_EQ(road_of("s3"), Road::s3);
    EXPECT_THROW(road_of("ftp"), std::invalid_argument);
}

TEST(SoakPlan, NeverChangesBytesThatNobodyVerifies) {
    for (std::uint64_t i = 0; i < 5000; ++i) {
        const Plan plan = draw_plan(5, i);
        if (verified(plan))
            continue;
        EXPECT_NE(plan.change, Change::damaged) << to_string(plan);
        for (const test::Rule& rule : plan.network.rules)
            EXPECT_EQ(test::find(rule.faults, Kind::flip), nullptr) << to_string(plan);
    }
}

struct Allowed {
    const char* name;
    test::Fault fault;
    std::set<errc> alone;
    std::set<errc> twice;
};

TEST(SoakExpectation, OfFaultsOfTheNetwork) {
    for (const Allowed& row : std::vector<Allowed>{
             {"passes", {.kind = Kind::reset_after, .at = 9}, {}, {errc::transport}},
             {"harmless", {.kind = Kind::drip}, {}, {errc::transport}},
             {"too late",
              {.kind = Kind::status, .amount = 503, .retry_after = "3600"},
              {errc::transport},
              {errc::transport}},
             {"no passing status",
              {.kind = Kind::status, .amount = 400},
              {errc::transport},
              {errc::transport}},
             {"denied",
              {.kind = Kind::status, .amount = 403},
              {errc::transport, errc::denied},
              {errc::transport, errc::denied}},
             {"damage",
              {.kind = Kind::flip},
              {errc::transport,
               errc::integrity,
               errc::format,
               errc::auth,
               errc::unsupported,
               errc::limit},
              {errc::transport,
               errc::integrity,
               errc::format,
               errc::auth,
               errc::unsupported,
               errc::limit}}}) {
        Plan plan;
        plan.road = Road::http;
        plan.network.rules = {{.first = 1, .last = 1, .faults = {row.fault}}};
        EXPECT_EQ(expectation(plan).errors, row.alone) << row.name;
        EXPECT_TRUE(expectation(plan).right);
        plan.network.rules.push_back(plan.network.rules.front());
        EXPECT_EQ(expectation(plan).errors, row.twice) << row.name;
    }
}

TEST(SoakExpectation, OfFilesAndEnds) {
    Plan plan;
    EXPECT_TRUE(expectation(plan).errors.empty()) << "nothing goes wrong: no error";
    plan.reads = {{0, 9, EINTR}, {3, 3, 0, 1}};
    EXPECT_TRUE(expectation(plan).errors.empty()) << "these pass";
    plan.reads.push_back({4, 4, EIO});
    EXPECT_EQ(expectation(plan).errors, (std::set{errc::io}));
    plan.cancel_at = 1;
    plan.deadline = 5ms;
    EXPECT_EQ(expectation(plan).errors, (std::set{errc::io, errc::cancelled, errc::deadline}));
    EXPECT_EQ(late_after(plan), 2005ms);
    plan = {};
    plan.change = Change::cut;
    EXPECT_FALSE(expectation(plan).right) << "what was cut is never right";
    plan = {};
    plan.road = Road::save;
    plan.writes = {{Call::write, 3, ENOSPC}, {Call::sync, 0, EIO}, {Call::write, 1, EINTR}};
    EXPECT_EQ(expectation(plan).errors, (std::set{errc::io, errc::limit}));
}

TEST(SoakJudgement, TellsWhatIsNotAllowed) {
    const Expectation allowed{true, {errc::io}};
    Outcome outcome;
    EXPECT_EQ(judge(allowed, outcome, 1s).verdict, Verdict::fine);
    outcome.error = errc::io;
    EXPECT_EQ(judge(allowed, outcome, 1s).verdict, Verdict::fine);
    outcome.error = errc::format;
    EXPECT_EQ(judge(allowed, outcome, 1s).verdict, Verdict::unexpected);
    outcome = {.untyped = "bad_alloc"};
    EXPECT_EQ(judge(allowed, outcome, 1s).verdict, Verdict::unexpected);
    outcome = {.wrong = "other bytes"};
    EXPECT_EQ(judge(allowed, outcome, 1s).verdict, Verdict::wrong);
    outcome = {.left = "a thread"};
    EXPECT_EQ(judge(allowed, outcome, 1s).verdict, Verdict::left);
    outcome = {.took = 1001ms};
    EXPECT_EQ(judge(allowed, outcome, 1s).verdict, Verdict::late);
    EXPECT_EQ(judge({false, {errc::format}}, Outcome{}, 1s).verdict, Verdict::wrong);
}

std::vector<Holding> samples_of(std::uint64_t first, std::uint64_t last, std::uint64_t threads) {
    std::vector<Holding> samples;
    for (std::uint64_t i = 0; i < 50; ++i)
        samples.push_back({first + (last - first) * i / 49, 10, i > 25 ? threads : 3});
    return samples;
}

TEST(SoakGrowth, IsWhatTheLastFifthHasMoreThanTheSecond) {
    constexpr std::uint64_t mib = 1 << 20;
    EXPECT_EQ(growth({}), "");
    EXPECT_EQ(growth(samples_of(100 * mib, 100 * mib, 3)), "");
    EXPECT_EQ(growth(samples_of(100 * mib, 112 * mib, 3)), "") << "within 5 % and 8 MiB";
    EXPECT_NE(growth(samples_of(100 * mib, 140 * mib, 3)).find("memory grew"), std::string::npos);
    EXPECT_EQ(growth(samples_of(100 * mib, 100 * mib, 4)), "threads grew from 3 to 4");
}

} // namespace
} // namespace tz::soak
