#include <tz/engine/crew.hpp>
#include <tz/tests/support/files.hpp>

#include <boost/asio/steady_timer.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <new>
#include <stdexcept>
#include <thread>

namespace tz {
namespace {

awaitable<void> wait_long(Loop& loop, std::atomic<int>& ended) {
    asio::steady_timer timer(loop.context(), std::chrono::minutes(10));
    try {
        co_await timer.async_wait(use_awaitable);
    } catch (...) {
        ++ended;
        throw;
    }
}

awaitable<void> fail_soon(Loop& loop) {
    asio::steady_timer timer(loop.context(), std::chrono::milliseconds(5));
    co_await timer.async_wait(use_awaitable);
    throw std::runtime_error("first");
}

/// What an operation does that there is no memory for: it throws where it is started.
awaitable<void> start_what_fails() {
    const auto start = [](auto /*handler*/) { throw std::bad_alloc(); };
    asio::use_awaitable_t<> token;
    co_await asio::async_initiate<asio::use_awaitable_t<>, void()>(start, token);
}

awaitable<void> start_what_fails_later(Loop& loop) {
    asio::steady_timer timer(loop.context(), std::chrono::milliseconds(5));
    co_await timer.async_wait(use_awaitable);
    co_await start_what_fails();
}

class CrewTest : public testing::Test {
protected:
    static Loop::Setup setup() {
        Loop::Setup setup;
        setup.uring = false;
        setup.lanes = 2;
        return setup;
    }

    void start(Crew& crew, Loop& loop, bool failing) {
        std::vector<awaitable<void>> members;
        members.push_back(wait_long(loop, ended_));
        members.push_back(wait_long(loop, ended_));
        if (failing)
            members.push_back(fail_soon(loop));
        crew.start(loop, std::move(members));
    }

    Pools pools_{1, 1};
    Loop one_{setup(), pools_};
    Loop two_{setup(), pools_};
    std::atomic<int> ended_ = 0;
};

TEST_F(CrewTest, FirstFailureStopsEveryoneOnEveryLoop) {
    Crew crew;
    start(crew, one_, false);
    start(crew, two_, true);
    EXPECT_THROW(crew.wait(std::chrono::milliseconds(10), {}), std::runtime_error);
    EXPECT_EQ(ended_, 4);
}

TEST_F(CrewTest, WantOfMemoryAtTheFirstStepStopsEveryone) {
    Crew crew;
    start(crew, two_, false);
    std::vector<awaitable<void>> members;
    members.push_back(wait_long(one_, ended_));
    members.push_back(start_what_fails());
    members.push_back(wait_long(one_, ended_));
    crew.start(one_, std::move(members));
    EXPECT_THROW(crew.wait(std::chrono::milliseconds(10), {}), std::bad_alloc);
    EXPECT_EQ(ended_, 4);
}

TEST_F(CrewTest, WantOfMemoryAtALaterStepStopsEveryone) {
    Crew crew;
    start(crew, two_, false);
    std::vector<awaitable<void>> members;
    members.push_back(wait_long(one_, ended_));
    members.push_back(start_what_fails_later(one_));
    crew.start(one_, std::move(members));
    EXPECT_THROW(crew.wait(std::chrono::milliseconds(10), {}), std::bad_alloc);
    EXPECT_EQ(ended_, 3);
    Crew next; // the loop is as good as before
    start(next, one_, true);
    EXPECT_THROW(next.wait(std::chrono::milliseconds(10), {}), std::runtime_error);
}

TEST_F(CrewTest, StopFromOutsideIsTheReasonGiven) {
    Crew crew;
    start(crew, one_, false);
    std::thread stopper([&] {
        crew.stop(std::make_exception_ptr(Error(errc::cancelled, "enough")));
        crew.stop(std::make_exception_ptr(Error(errc::deadline, "later")));
    });
    const auto error = test::error_of([&] { crew.wait(std::chrono::milliseconds(10), {}); });
    stopper.join();
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::cancelled);
    EXPECT_EQ(ended_, 2);
}

TEST_F(CrewTest, WhatTheTickThrowsStopsToo) {
    Crew crew;
    start(crew, one_, false);
    EXPECT_THROW(
        crew.wait(std::chrono::milliseconds(1), [] { throw std::logic_error("tick"); }),
        std::logic_error);
    EXPECT_EQ(ended_, 2);
}

TEST_F(CrewTest, StopsAndWaitsWhenItIsDestroyed) {
    {
        Crew crew;
        start(crew, one_, false);
        start(crew, two_, false);
    }
    EXPECT_LE(ended_, 4); // those that had begun
}

TEST_F(CrewTest, ALoopThatStartsAfterAFailureIsStoppedToo) {
    Crew crew;
    start(crew, one_, true);
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    start(crew, two_, false);
    EXPECT_THROW(crew.wait(std::chrono::milliseconds(10), {}), std::runtime_error);
}

TEST_F(CrewTest, StopBeforeTheStartIsRemembered) {
    Crew crew;
    crew.stop(std::make_exception_ptr(Error(errc::cancelled, "enough")));
    start(crew, one_, false);
    const auto error = test::error_of([&] { crew.wait(std::chrono::milliseconds(10), {}); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::cancelled);
}

TEST_F(CrewTest, StopAtAnyMomentEndsEveryone) {
    for (int i = 0; i < 300; ++i) {
        Crew crew;
        start(crew, one_, i % 2 == 0);
        start(crew, two_, false);
        std::this_thread::sleep_for(std::chrono::microseconds(i * 7 % 400));
        crew.stop(std::make_exception_ptr(Error(errc::cancelled, "enough")));
        EXPECT_ANY_THROW(crew.wait(std::chrono::milliseconds(10), {}));
    }
}

} // namespace
} // namespace tz
