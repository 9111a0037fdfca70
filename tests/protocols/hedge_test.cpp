// When a late request is sent once more, with the times given.
#include <tz/protocols/hedge.hpp>

#include <gtest/gtest.h>

#include <deque>
#include <vector>

namespace tz {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr Hedging::Time start{1h};

FirstBytes answers(const std::vector<milliseconds>& times) {
    FirstBytes all;
    for (const milliseconds time : times)
        all.add(time);
    return all;
}

std::vector<milliseconds> upto(int last) {
    std::vector<milliseconds> times;
    for (int i = 1; i <= last; ++i)
        times.emplace_back(i);
    return times;
}

TEST(FirstBytes, HaveAPercentileOfAnyNumber) {
    struct Row {
        std::vector<milliseconds> times;
        milliseconds p95;
    };

    const Row rows[] = {
        {{}, 0ms},
        {{7ms}, 7ms},
        {{7ms, 3ms}, 7ms},
        {upto(19), 19ms},
        {upto(20), 19ms}, // one of 20 may be slower
        {upto(21), 20ms},
        {upto(100), 95ms},
        {upto(128), 122ms},
    };
    for (const Row& row : rows)
        EXPECT_EQ(answers(row.times).p95(), row.p95) << row.times.size();
}

TEST(FirstBytes, AreTheLastOnes) {
    std::vector<milliseconds> times(1000, 9000ms);
    times.insert(times.end(), 128, 50ms);
    EXPECT_EQ(answers(times).p95(), 50ms);
}

class HedgeOfAHost : public testing::Test {
protected:
    /// Sends a request that is not answered before the test ends.
    Hedging::Request& send(milliseconds at = 0ms) { return sent_.emplace_back(host_, start + at); }

    /// As many requests, each answered after `time`.
    void answered(int count, milliseconds time) {
        for (int i = 0; i < count; ++i)
            Hedging::Request(host_, start).answered(start + time);
    }

    bool hedge(Hedging::Request& request, milliseconds at) {
        return request.hedge(budget_, start + at);
    }

    Hedging host_;
    RetryBudget budget_{500};
    std::deque<Hedging::Request> sent_;
};

TEST_F(HedgeOfAHost, ComesAfterThreeTimesWhatIsUsual) {
    struct Row {
        int answers;
        milliseconds time;
        milliseconds late;
    };

    const Row rows[] = {
        {0, 0ms, 1s},   // nothing is known
        {50, 20ms, 1s}, // not sooner than this
        {50, 334ms, 1002ms},
        {50, 2s, 6s},
    };
    for (const Row& row : rows) {
        Hedging host;
        for (int i = 0; i < row.answers; ++i)
            Hedging::Request(host, start).answered(start + row.time);
        EXPECT_EQ(Hedging::Request(host, start).late(), start + row.late) << row.time.count();
    }
}

TEST_F(HedgeOfAHost, ComesNotBeforeTheAnswerIsLateAndOnce) {
    answered(100, 20ms);
    Hedging::Request& one = send();
    EXPECT_FALSE(hedge(one, 999ms));
    EXPECT_TRUE(hedge(one, 1000ms));
    one.hedge_failed();
    EXPECT_FALSE(hedge(one, 5000ms));
}

TEST_F(HedgeOfAHost, IsTheOnlyOneAtATime) {
    answered(100, 20ms);
    Hedging::Request& one = send();
    Hedging::Request& other = send();
    EXPECT_TRUE(hedge(one, 1s));
    EXPECT_FALSE(hedge(other, 2s));
    one.hedge_failed();
    EXPECT_TRUE(hedge(other, 2s));
}

TEST_F(HedgeOfAHost, EndsWithItsRequest) {
    answered(100, 20ms);
    {
        Hedging::Request one(host_, start);
        EXPECT_TRUE(hedge(one, 1s));
    }
    EXPECT_TRUE(hedge(send(1s), 2s));
}

TEST_F(HedgeOfAHost, IsOfTheSlowest) {
    answered(100, 20ms);
    Hedging::Request& slowest = send();
    Hedging::Request& other = send(100ms);
    EXPECT_FALSE(hedge(other, 2s));
    EXPECT_TRUE(hedge(slowest, 2s));
}

TEST_F(HedgeOfAHost, DoesNotWaitForARequestThatIsNotLateYet) {
    answered(100, 2s);
    Hedging::Request& slowest = send(); // late after 6 s
    answered(200, 20ms);
    Hedging::Request& other = send(100ms);
    EXPECT_TRUE(hedge(other, 2s));
    EXPECT_FALSE(hedge(slowest, 2s));
}

TEST_F(HedgeOfAHost, IsOneOfTwentyRequestsAndOneMore) {
    unsigned hedges = 0;
    for (unsigned i = 1; i <= 1000; ++i) {
        Hedging::Request late(host_, start);
        hedges += hedge(late, 1s);
        EXPECT_LE(hedges, i / 20 + 1);
    }
    EXPECT_EQ(hedges, 51u);
}

TEST_F(HedgeOfAHost, TakesFromTheBudgetOfRetries) {
    answered(100, 20ms);
    EXPECT_TRUE(hedge(send(), 1s));
    EXPECT_EQ(budget_.left(), 495u);
    sent_.clear();
    RetryBudget poor(4);
    EXPECT_FALSE(send().hedge(poor, start + 1s));
    EXPECT_EQ(poor.left(), 4u);
}

} // namespace
} // namespace tz
