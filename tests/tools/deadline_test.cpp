// That a command ends in time whatever the kernel holds: tests/limits/test_fuse.py.
#include <tz/tools/deadline.hpp>

#include <gtest/gtest.h>

#include <thread>

namespace tz::cli {
namespace {

using namespace std::chrono_literals;

TEST(Deadline, EndsAProcessThatDoesNotEndByItself) {
    testing::GTEST_FLAG(death_test_style) = "threadsafe";
    EXPECT_EXIT(
        {
            const Deadline deadline(1ms, {1ms, "something holds it"});
            std::this_thread::sleep_for(60s);
        },
        testing::ExitedWithCode(5),
        "tz: it did not end in time: something holds it");
}

TEST(Deadline, LeavesTimeForWhatEndsByItself) {
    const Deadline deadline(1ns, {1h, "something holds it"});
    std::this_thread::sleep_for(20ms);
    EXPECT_EQ(deadline.left(), 0ns);
}

TEST(Deadline, SaysHowMuchIsLeft) {
    EXPECT_FALSE(Deadline({}, {}).left());
    EXPECT_EQ(Deadline(0ns, {1h, {}}).left(), 0ns);
    const Deadline deadline(24h, {});
    EXPECT_GT(*deadline.left(), 1h);
    EXPECT_LE(*deadline.left(), 24h);
}

} // namespace
} // namespace tz::cli
