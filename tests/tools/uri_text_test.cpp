#include <tz/format/error.hpp>
#include <tz/tools/uri_text.hpp>

#include <gtest/gtest.h>

#include <array>

namespace tz::cli {
namespace {

TEST(WithoutSecrets, LeavesPathsAndPlainUrls) {
    for (const char* text :
         {"",
          "model.tensors",
          "/models/a?b@c",
          "s3://bucket/key",
          "https://host:8080/a/b%20c",
          "http://[::1]:80/a@b",
          "--proxy=http://host:3128"})
        EXPECT_EQ(without_secrets(text), text);
}

TEST(WithoutSecrets, DropsUserPasswordAndQuery) {
    EXPECT_EQ(without_secrets("https://user:canary@host/a"), "https://host/a");
    EXPECT_EQ(without_secrets("https://canary@canary@host"), "https://host");
    EXPECT_EQ(without_secrets("https://host/a?X-Amz-Signature=canary"), "https://host/a?...");
    EXPECT_EQ(without_secrets("https://u:canary@host/a?t=canary#x"), "https://host/a?...");
    EXPECT_EQ(without_secrets("https://host?canary/@x"), "https://host?...");
    EXPECT_EQ(without_secrets("--proxy=http://u:canary@host"), "--proxy=http://host");
}

TEST(WithoutSecrets, DropsThemFromTextThatQuotesArguments) {
    std::string url = "https://u:canary@host/a?canary";
    const std::array<char*, 1> arguments{url.data()};
    EXPECT_EQ(
        without_secrets("'" + url + "' or " + url + "!", arguments),
        "'https://host/a?...' or https://host/a?...!");
    EXPECT_EQ(without_secrets("nothing", arguments), "nothing");
}

TEST(FileName, IsTheLastPart) {
    EXPECT_EQ(file_name_of("model.tensors"), "model.tensors");
    EXPECT_EQ(file_name_of("/models/model.tensors"), "model.tensors");
    EXPECT_EQ(file_name_of("file:///models/a%20b"), "a b");
    EXPECT_EQ(file_name_of("https://host/models/a%20b?token=x/y#z"), "a b");
    EXPECT_EQ(file_name_of("HTTP://host/a.b"), "a.b");
    EXPECT_EQ(file_name_of("s3://bucket/models/a%20b"), "a%20b"); // a key is not encoded
    EXPECT_EQ(file_name_of("s3://bucket/models/a?versionId=x"), "a");
}

TEST(FileName, IsRefusedWhereItLeadsElsewhere) {
    for (const std::string uri :
         {"https://host",
          "https://host/",
          "https://host/a/",
          "https://host/.",
          "https://host/a/..",
          "https://host/%2e%2e",
          "https://host/..%2fa",
          "https://host/a%2f",
          "https://host/a%00b",
          "https://host/a%0ab",
          "s3://bucket/a/",
          "s3://bucket/a/..",
          "a/..",
          "file:///a/"})
        EXPECT_THROW(file_name_of(uri), Error) << uri;
    EXPECT_THROW(file_name_of("https://host/" + std::string(256, 'a')), Error);
    EXPECT_EQ(file_name_of("https://host/" + std::string(255, 'a')).size(), 255u);
}

TEST(FileName, TellsNoSecretWhenRefused) {
    try {
        file_name_of("https://u:canary@host/a/?t=canary");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), errc::usage);
        EXPECT_EQ(std::string(error.what()).find("canary"), std::string::npos) << error.what();
    }
}

} // namespace
} // namespace tz::cli
