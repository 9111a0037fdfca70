#include <tz/engine/start_thread.hpp>

#include <gtest/gtest.h>

#include <cerrno>

namespace tz {
namespace {

TEST(StartThread, RunsTheBodyElsewhere) {
    std::thread::id where;
    start_thread([&where] { where = std::this_thread::get_id(); }).join();
    EXPECT_NE(where, std::thread::id());
    EXPECT_NE(where, std::this_thread::get_id());
}

TEST(StartThread, RefusedIsALimitThatUsersCanRaise) {
    const std::system_error refusal(EAGAIN, std::generic_category());
    const Error error = no_more_threads(refusal);
    EXPECT_EQ(error.kind(), errc::limit);
    EXPECT_EQ(error.problem(), std::string("no more threads can be started: ") + refusal.what());
    EXPECT_EQ(error.hint(), "raise the limit of processes (ulimit -u)");
    EXPECT_EQ(
        no_more_threads(refusal, ", or ask for fewer").hint(),
        "raise the limit of processes (ulimit -u), or ask for fewer");
    EXPECT_EQ(
        no_more_threads(refusal, "", "to look up a.example").problem(),
        std::string("no more threads can be started to look up a.example: ") + refusal.what());
}

} // namespace
} // namespace tz
