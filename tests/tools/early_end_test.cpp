// What a deadline waits for after it, by what a command writes.
#include <tz/tools/early_end.hpp>

#include <gtest/gtest.h>

namespace tz::cli {
namespace {

using namespace std::chrono_literals;

TEST(EarlyEnd, LeavesTwoSeconds) {
    for (const char* destination : {"", "/models/a.tensors", "a.safetensors", "s3://bucket/a"})
        EXPECT_EQ(what_may_hold(destination).grace, 2s) << destination;
}

TEST(EarlyEnd, SaysWhatIsLeftAtAServer) {
    EXPECT_NE(what_may_hold("s3://bucket/a").by.find("tz uploads"), std::string::npos);
    for (const char* destination : {"", "/models/a.tensors", "a.safetensors"})
        EXPECT_EQ(what_may_hold(destination).by.find("upload"), std::string::npos) << destination;
}

} // namespace
} // namespace tz::cli
