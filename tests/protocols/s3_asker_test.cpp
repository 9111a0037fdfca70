#include <tz/protocols/s3_asker.hpp>

#include <gtest/gtest.h>

namespace tz {
namespace {

S3Endpoint amazon() {
    S3Endpoint endpoint;
    endpoint.url = parse_url("https://s3.us-east-1.amazonaws.com/");
    endpoint.amazon = true;
    endpoint.region = "us-east-1";
    return endpoint;
}

ReplyHead in_region(const std::string& region) {
    ReplyHead head;
    head.status = 301;
    head.headers.push_back({"x-amz-bucket-region", region});
    return head;
}

TEST(S3Asker, GoesOnceToTheRegionOfTheBucket) {
    S3Asker asker({"bucket", "key", ""}, amazon(), nullptr, false);
    const Place first = asker.start();
    EXPECT_EQ(first.url.host, "bucket.s3.us-east-1.amazonaws.com");
    const auto second = asker.moved(first, in_region("eu-central-1"), "");
    ASSERT_TRUE(second);
    EXPECT_EQ(second->region, "eu-central-1");
    EXPECT_EQ(second->url.host, "bucket.s3.eu-central-1.amazonaws.com");
    EXPECT_EQ(asker.start(), *second) << "for all later requests";
    EXPECT_EQ(asker.moved(first, in_region("eu-central-1"), ""), second) << "another lane's answer";
    EXPECT_FALSE(asker.moved(*second, in_region("us-west-2"), ""));
}

TEST(S3Asker, StaysWhereItIsWithOtherServers) {
    S3Endpoint other = amazon();
    other.url = parse_url("https://s3.example/");
    other.amazon = false;
    S3Asker asker({"bucket", "key", ""}, other, nullptr, false);
    EXPECT_FALSE(asker.moved(asker.start(), in_region("eu-central-1"), ""));
}

} // namespace
} // namespace tz
