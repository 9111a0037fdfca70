// What a deadline waits for after it, by what a command writes.
#include <tz/protocols/s3_client.hpp>
#include <tz/tools/early_end.hpp>

#include <gtest/gtest.h>

namespace tz::cli {
namespace {

using namespace std::chrono_literals;

TEST(EarlyEnd, LeavesLoadsTwoSeconds) {
    for (const char* destination : {"", "/models/a.tensors", "a.safetensors"}) {
        const Deadline::Held held = what_may_hold(destination);
        EXPECT_EQ(held.grace, 2s);
        EXPECT_EQ(held.by.find("upload"), std::string::npos);
    }
}

TEST(EarlyEnd, LeavesUploadsTheTimeToBeAborted) {
    const Deadline::Held held = what_may_hold("s3://bucket/model.tensors");
    EXPECT_GE(held.grace, 2s + 2 * S3Client::brief_time); // the abort, and a look for others
    EXPECT_NE(held.by.find("tz uploads"), std::string::npos);
}

} // namespace
} // namespace tz::cli
