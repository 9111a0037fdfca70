// What follows a failed try, with time and chance given.
#include <tz/protocols/retry.hpp>

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace tz {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using Stage = TransportStage;
using Cause = TransportCause;

constexpr Retry::Time start{1h};

Outcome fault(Stage stage, Cause cause) {
    TransportFault fault;
    fault.stage = stage;
    fault.cause = cause;
    return {.fault = fault};
}

const Outcome a_part{.part = true, .status = 206};

Outcome answer(unsigned status, std::optional<S3Code> s3 = {}) {
    return {.status = status, .s3 = s3};
}

Outcome after(std::chrono::seconds retry_after) {
    Outcome outcome = answer(503);
    outcome.retry_after = retry_after;
    return outcome;
}

class RetryOfAChunk : public testing::Test {
protected:
    Decision decide(const Outcome& outcome, milliseconds passed = 0ms, double random = 0.5) {
        return retry_.decide(outcome, start + passed, random);
    }

    /// Tries until it is given up; the time is spent in the delays.
    Decision exhaust(const Outcome& outcome, unsigned& decisions) {
        milliseconds passed{0};
        for (decisions = 1;; ++decisions) {
            const Decision decision = decide(outcome, passed);
            if (decision.next == Next::give_up || decisions == 1000)
                return decision;
            passed += decision.delay;
        }
    }

    RetryOptions options_;
    RetryBudget budget_{options_.budget};
    Retry retry_{options_, budget_, start};
};

struct FirstRow {
    const char* name;
    Outcome outcome;
    Next next;
    bool waits;
    unsigned cost;
};

TEST(Retry, DecidesByWhatHappenedFirst) {
    const FirstRow rows[] = {
        {"no name server", fault(Stage::resolve, Cause::no_dns), Next::repeat, true, 1},
        {"no such host", fault(Stage::resolve, Cause::unknown_host), Next::repeat, true, 1},
        {"refused", fault(Stage::connect, Cause::refused), Next::repeat, true, 1},
        {"connect time-out", fault(Stage::connect, Cause::timed_out), Next::repeat, true, 10},
        {"reset in TLS", fault(Stage::tls, Cause::reset), Next::repeat, true, 1},
        {"certificate", fault(Stage::tls, Cause::certificate), Next::give_up, false, 0},
        {"no TLS there", fault(Stage::tls, Cause::tls), Next::repeat, false, 1},
        {"reset while sending", fault(Stage::send, Cause::reset), Next::repeat, true, 5},
        {"no answer", fault(Stage::first_byte, Cause::timed_out), Next::repeat, false, 10},
        {"closed early", fault(Stage::body, Cause::closed_early), Next::repeat, true, 5},
        {"reset early", fault(Stage::body, Cause::reset), Next::repeat, true, 5},
        {"stall", fault(Stage::body, Cause::stalled), Next::repeat, false, 10},
        {"no HTTP", fault(Stage::first_byte, Cause::protocol), Next::repeat, false, 5},
        {"a part", a_part, Next::repeat, true, 0},
        {"500", answer(500), Next::repeat, true, 5},
        {"502", answer(502), Next::repeat, true, 5},
        {"503", answer(503), Next::repeat, true, 5},
        {"504", answer(504), Next::repeat, true, 5},
        {"408", answer(408), Next::repeat, true, 10},
        {"429", answer(429), Next::repeat, true, 5},
        {"403 SlowDown", answer(403, S3Code::slow_down), Next::repeat, true, 5},
        {"200 InternalError", answer(200, S3Code::internal_error), Next::repeat, true, 5},
        {"400 RequestTimeout", answer(400, S3Code::request_timeout), Next::repeat, true, 10},
        {"400 ExpiredToken",
         answer(400, S3Code::expired_token),
         Next::refresh_credentials,
         false,
         0},
        {"400", answer(400), Next::give_up, false, 0},
        {"401", answer(401), Next::give_up, false, 0},
        {"403", answer(403), Next::give_up, false, 0},
        {"404", answer(404), Next::give_up, false, 0},
        {"412", answer(412), Next::give_up, false, 0},
        {"416", answer(416), Next::give_up, false, 0},
        {"301", answer(301), Next::give_up, false, 0},
        {"304", answer(304), Next::give_up, false, 0},
        {"501", answer(501), Next::give_up, false, 0},
    };
    for (const FirstRow& row : rows) {
        const RetryOptions options;
        RetryBudget budget(options.budget);
        Retry retry(options, budget, start);
        const Decision decision = retry.decide(row.outcome, start + 1s, 0.5);
        EXPECT_EQ(decision.next, row.next) << row.name;
        EXPECT_EQ(decision.delay > 0ms, row.waits) << row.name;
        EXPECT_EQ(options.budget - budget.left(), row.cost) << row.name;
        if (answered) {
            EXPECT_EQ(decision.next == Next::give_up, !decision.problem.reason.empty()) << row.name;
        }
        const bool answered = !row.outcome.fault;
        if (row.next != Next::give_up) {
            EXPECT_EQ(decision.new_connection, !answered) << row.name;
        }
    }
}

TEST_F(RetryOfAChunk, EndsAfterEightTriesAndSaysSo) {
    unsigned decisions = 0;
    const Decision last = exhaust(answer(503), decisions);
    EXPECT_EQ(decisions, 8u);
    EXPECT_EQ(last.problem.kind, errc::transport);
    EXPECT_NE(last.problem.reason.find("8 tries in "), std::string::npos) << last.problem.reason;
}

TEST_F(RetryOfAChunk, EndsWhenTheTimeIsOver) {
    EXPECT_EQ(decide(answer(500), 179s).next, Next::repeat);
    const Decision late = decide(answer(500), 180s);
    EXPECT_EQ(late.next, Next::give_up);
    EXPECT_NE(late.problem.reason.find("no time is left"), std::string::npos);
}

TEST_F(RetryOfAChunk, WaitsWithDecorrelatedJitter) {
    EXPECT_EQ(decide(answer(500), 0s, 0.0).delay, 100ms);
    EXPECT_EQ(decide(answer(500), 0s, 0.5).delay, 200ms); // 100 to 300
    EXPECT_EQ(decide(answer(500), 0s, 0.5).delay, 350ms); // 100 to 600
    EXPECT_EQ(decide(answer(500), 0s, 0.0).delay, 100ms);
}

TEST_F(RetryOfAChunk, NeverWaitsLongerThanAllowed) {
    for (int i = 0; i < 7; ++i)
        EXPECT_LE(decide(answer(500), 0s, 0.999999).delay, 10s);
}

TEST_F(RetryOfAChunk, WaitsAsLongAsTheServerAsks) {
    EXPECT_EQ(decide(after(3s), 0s, 0.0).delay, 3s);
    EXPECT_EQ(decide(after(30s), 0s, 0.5).delay, 30s + 50ms); // not all at once
    EXPECT_EQ(decide(after(0s), 0s, 0.0).delay, 100ms);
    const Decision long_wait = decide(after(31s));
    EXPECT_EQ(long_wait.next, Next::give_up);
    EXPECT_NE(long_wait.problem.reason.find("31 seconds"), std::string::npos)
        << long_wait.problem.reason;
}

TEST_F(RetryOfAChunk, RepeatsForFreeWhenAKeptConnectionWasClosed) {
    for (const Cause what : {Cause::closed_early, Cause::reset, Cause::closed_early}) {
        Outcome stale = fault(Stage::first_byte, what);
        stale.fault->reused = true;
        const Decision decision = decide(stale);
        EXPECT_EQ(decision.next, Next::repeat);
        EXPECT_EQ(decision.delay, 0ms);
        EXPECT_TRUE(decision.new_connection);
    }
    EXPECT_EQ(retry_.tries(), 0u);
    EXPECT_EQ(budget_.left(), options_.budget);
}

TEST_F(RetryOfAChunk, CountsAClosedConnectionThatWasNoStaleOne) {
    Outcome fresh = fault(Stage::first_byte, Cause::closed_early);
    Outcome answered = fresh, body = fault(Stage::body, Cause::closed_early);
    answered.fault->reused = answered.fault->answered = body.fault->reused = true;
    for (const Outcome& outcome : {fresh, answered, body})
        EXPECT_GT(decide(outcome).delay, 0ms);
    EXPECT_EQ(retry_.tries(), 3u);
}

TEST_F(RetryOfAChunk, EndsThoughEachKeptConnectionIsClosed) {
    Outcome stale = fault(Stage::send, Cause::reset);
    stale.fault->reused = true;
    unsigned decisions = 0;
    exhaust(stale, decisions);
    EXPECT_EQ(decisions, 3u + 8u);
}

TEST_F(RetryOfAChunk, DoesNotCountTriesThatBroughtMuchButEnds) {
    Outcome gain = fault(Stage::body, Cause::reset);
    gain.bytes_gained = 1 << 20;
    for (int i = 0; i < 16; ++i)
        EXPECT_EQ(decide(gain).delay, 0ms);
    EXPECT_EQ(retry_.tries(), 0u);
    EXPECT_GT(decide(gain).delay, 0ms);
    EXPECT_EQ(retry_.tries(), 1u);
    unsigned decisions = 0;
    exhaust(gain, decisions);
    EXPECT_EQ(decisions, 7u);
}

TEST_F(RetryOfAChunk, CountsTriesThatBroughtLittle) {
    Outcome drip = fault(Stage::body, Cause::closed_early);
    drip.bytes_gained = 1;
    unsigned decisions = 0;
    exhaust(drip, decisions);
    EXPECT_EQ(decisions, 8u);
}

TEST_F(RetryOfAChunk, RenewsCredentialsOnce) {
    const Outcome expired = answer(400, S3Code::expired_token);
    EXPECT_EQ(decide(expired).next, Next::refresh_credentials);
    const Decision again = decide(expired);
    EXPECT_EQ(again.next, Next::give_up);
    EXPECT_EQ(again.problem.kind, errc::denied);
    EXPECT_NE(again.problem.reason.find("did not help"), std::string::npos);
}

TEST_F(RetryOfAChunk, CorrectsTheClockOnceWhereTheServerTellsTheTime) {
    Outcome skewed = answer(403, S3Code::clock_skewed);
    EXPECT_EQ(decide(skewed).next, Next::give_up);
    skewed.has_date = true;
    EXPECT_EQ(decide(skewed).next, Next::correct_clock);
    const Decision again = decide(skewed);
    EXPECT_EQ(again.next, Next::give_up);
    EXPECT_EQ(again.problem.kind, errc::denied);
    EXPECT_NE(again.problem.hint.find("clock"), std::string::npos);
}

TEST_F(RetryOfAChunk, RepeatsABrokenAnswerOnceAndThenSaysWhatWasBroken) {
    Outcome broken = fault(Stage::body, Cause::protocol);
    broken.problem = Problem{errc::transport, "the range is another", "check the proxy"};
    const Decision first = decide(broken);
    EXPECT_EQ(first.next, Next::repeat);
    EXPECT_TRUE(first.new_connection);
    const Decision second = decide(broken);
    EXPECT_EQ(second.next, Next::give_up);
    EXPECT_EQ(second.problem.reason.find("the range is another"), 0u);
    EXPECT_EQ(second.problem.hint, "check the proxy");
}

TEST_F(RetryOfAChunk, LooksForAnUnknownHostOnlyTwice) {
    unsigned decisions = 0;
    const Decision last = exhaust(fault(Stage::resolve, Cause::unknown_host), decisions);
    EXPECT_EQ(decisions, 2u);
    EXPECT_NE(last.problem.reason.find("after 2 tries"), std::string::npos);
}

TEST_F(RetryOfAChunk, WaitsAfterTheSecondStall) {
    EXPECT_EQ(decide(fault(Stage::body, Cause::stalled)).delay, 0ms);
    EXPECT_GT(decide(fault(Stage::body, Cause::stalled)).delay, 0ms);
}

TEST(Retry, GivesUpAtOnceWhatIsNotAllowed) {
    const RetryOptions options;
    RetryBudget budget(500);
    Retry retry(options, budget, start);
    Outcome forbidden = fault(Stage::connect, Cause::forbidden);
    forbidden.problem = {errc::denied, "the address is private", "use another"};
    const Decision decision = retry.decide(forbidden, start, 0.5);
    EXPECT_EQ(decision.next, Next::give_up);
    EXPECT_EQ(decision.problem, forbidden.problem);
}

TEST(RetryBudget, EndsRetriesOfAllChunksOfAHost) {
    const RetryOptions options;
    RetryBudget budget(20);
    unsigned repeated = 0;
    std::string reason;
    for (int chunk = 0; chunk < 5; ++chunk) {
        const Decision decision = Retry(options, budget, start).decide(answer(500), start, 0);
        repeated += decision.next == Next::repeat;
        reason = decision.problem.reason;
    }
    EXPECT_EQ(repeated, 4u);
    EXPECT_NE(reason.find("too many requests to this host have failed"), std::string::npos);
}

TEST(RetryBudget, GrowsBackWithSuccessesButNotAboveItsSize) {
    RetryBudget budget(10);
    EXPECT_TRUE(budget.take(10));
    EXPECT_FALSE(budget.take(1));
    budget.give_back();
    EXPECT_TRUE(budget.take(1));
    for (int i = 0; i < 50; ++i)
        budget.give_back();
    EXPECT_EQ(budget.left(), 10u);
}

TEST(RetryBudget, LosesNoTokenBetweenThreads) {
    RetryBudget budget(100'000);
    std::atomic<unsigned> taken = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int n = 0; n < 30'000; ++n)
                taken += budget.take(1);
        });
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_EQ(taken, 100'000u);
    EXPECT_EQ(budget.left(), 0u);
}

TEST(RetryAfter, IsSecondsOrADate) {
    const HttpTime now = std::chrono::sys_days(std::chrono::year(2026) / 11 / 25);
    EXPECT_EQ(parse_retry_after("0", now), 0s);
    EXPECT_EQ(parse_retry_after("3", now), 3s);
    EXPECT_EQ(parse_retry_after("3600", now), 3600s);
    EXPECT_EQ(parse_retry_after("99999999999999999999999999", now), 24h * 365);
    EXPECT_EQ(parse_retry_after("Wed, 25 Nov 2026 00:00:07 GMT", now), 7s);
    EXPECT_EQ(parse_retry_after("Tue, 24 Nov 2026 00:00:00 GMT", now), 0s);
    EXPECT_EQ(parse_retry_after("Fri, 31 Dec 9999 00:00:00 GMT", now), 24h * 365);
    for (const char* junk : {"", "-1", "+1", "1.5", " 3", "3 ", "3s", "soon", "0x10", "1e3"})
        EXPECT_FALSE(parse_retry_after(junk, now)) << junk;
}

} // namespace
} // namespace tz
