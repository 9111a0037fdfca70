#include <tz/tools/signals.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <unistd.h>

namespace tz::cli {
namespace {

using namespace std::chrono_literals;

bool stopped_within(std::stop_token token, std::chrono::milliseconds time) {
    for (; time > 0ms && !token.stop_requested(); time -= 1ms)
        std::this_thread::sleep_for(1ms);
    return token.stop_requested();
}

TEST(StopOnSignal, TakesTheFirstSignalAsARequest) {
    for (const int signal : {SIGINT, SIGTERM}) {
        const StopOnSignal stop;
        EXPECT_FALSE(stop.token().stop_requested());
        ::kill(::getpid(), signal);
        EXPECT_TRUE(stopped_within(stop.token(), 10s));
    }
}

TEST(StopOnSignal, DiesOfTheSecond) {
    testing::GTEST_FLAG(death_test_style) = "threadsafe";
    for (const int signal : {SIGINT, SIGTERM})
        EXPECT_EXIT(
            {
                const StopOnSignal stop;
                ::kill(::getpid(), signal);
                stopped_within(stop.token(), 10s);
                ::kill(::getpid(), signal);
                std::this_thread::sleep_for(10s);
            },
            testing::KilledBySignal(signal),
            "");
}

TEST(StopOnSignal, LeavesIgnoredSignalsIgnored) {
    ::signal(SIGINT, SIG_IGN);
    {
        const StopOnSignal stop;
        ::kill(::getpid(), SIGINT);
        EXPECT_FALSE(stopped_within(stop.token(), 50ms));
    }
    ::signal(SIGINT, SIG_DFL);
}

TEST(StopOnSignal, PutsTheSignalMaskBack) {
    {
        const StopOnSignal stop;
    }
    sigset_t mask;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    EXPECT_FALSE(sigismember(&mask, SIGINT));
    EXPECT_FALSE(sigismember(&mask, SIGTERM));
}

} // namespace
} // namespace tz::cli
