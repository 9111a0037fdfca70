#include <tz/protocols/identity.hpp>

#include <gtest/gtest.h>

#include <map>

namespace tz {
namespace {

using Headers = std::map<std::string, std::string, std::less<>>;
using namespace std::chrono;

constexpr HttpTime now = sys_days(2026y / November / 25);
const std::string monday = "Mon, 23 Nov 2026 10:00:00 GMT";
const std::string tuesday = "Tue, 24 Nov 2026 10:00:00 GMT";

HeaderLookup look_up(const Headers& headers) {
    return [&headers](std::string_view name) -> std::optional<std::string_view> {
        const auto found = headers.find(name);
        if (found == headers.end())
            return {};
        return found->second;
    };
}

Identity identity(const Headers& headers, std::uint64_t bytes = 100) {
    return identity_of(look_up(headers), bytes);
}

TEST(Identity, PinsAVersionBeforeAnEtagBeforeATime) {
    const Headers all{{"x-amz-version-id", "v/1+"}, {"etag", "\"a\""}, {"last-modified", monday}};
    const Pin version = pin_to(identity(all), true, now);
    EXPECT_EQ(version.version_id, "v/1+");
    EXPECT_TRUE(version.headers.empty());

    const Pin etag = pin_to(identity(all), false, now); // a presigned URL
    EXPECT_FALSE(etag.version_id);
    ASSERT_EQ(etag.headers.size(), 1u);
    EXPECT_EQ(etag.headers[0], std::pair(std::string("If-Match"), std::string("\"a\"")));

    const Pin time = pin_to(identity({{"etag", "W/\"a\""}, {"last-modified", monday}}), true, now);
    ASSERT_EQ(time.headers.size(), 1u);
    EXPECT_EQ(time.headers[0], std::pair(std::string("If-Unmodified-Since"), monday));
}

TEST(Identity, PinsNothingByWhatNoServerWouldUnderstand) {
    for (const Headers& headers : {
             Headers{},
             Headers{{"etag", "W/\"a\""}},
             Headers{{"etag", "unquoted"}},
             Headers{{"etag", "\"a\" or \"b\""}},
             Headers{{"etag", "\"a\r\nX: y\""}},
             Headers{{"etag", '"' + std::string(2000, 'a') + '"'}},
             Headers{{"last-modified", "yesterday"}},
             Headers{{"x-amz-version-id", "null"}},
         }) {
        const Pin pin = pin_to(identity(headers), true, now);
        EXPECT_TRUE(pin.headers.empty());
        EXPECT_FALSE(pin.version_id);
    }
}

TEST(Identity, WarnsWhereNothingReliableIsThere) {
    EXPECT_EQ(identity_warning(identity({{"etag", "\"a\""}})), "");
    EXPECT_EQ(identity_warning(identity({{"x-amz-version-id", "1"}})), "");
    EXPECT_NE(
        identity_warning(identity({{"etag", "W/\"a\""}, {"last-modified", monday}})).find("weak"),
        std::string::npos);
    EXPECT_NE(identity_warning(identity({})).find("length"), std::string::npos);
}

struct Row {
    const char* name;
    Headers first, later;
    const char* difference; ///< part of the text; null: the same version
};

TEST(Identity, TellsVersionsApart) {
    const Headers etag{{"etag", "\"a\""}, {"last-modified", monday}};
    const Row rows[] = {
        {"same", etag, etag, nullptr},
        {"etag", etag, {{"etag", "\"b\""}, {"last-modified", monday}}, "its ETag"},
        {"weakened by a proxy", etag, {{"etag", "W/\"a\""}}, nullptr},
        {"weakened and other", etag, {{"etag", "W/\"b\""}}, "its ETag"},
        {"etag gone, same time", etag, {{"last-modified", monday}}, nullptr},
        {"etag gone, other time", etag, {{"last-modified", tuesday}}, "its time"},
        {"both gone", etag, {}, "its time"},
        {"etag gone, no time", {{"etag", "\"a\""}}, {}, "its ETag, which is missing"},
        {"touched only", etag, {{"etag", "\"a\""}, {"last-modified", tuesday}}, nullptr},
        {"weak, same", {{"etag", "W/\"a\""}}, {{"etag", "W/\"a\""}}, nullptr},
        {"weak, other", {{"etag", "W/\"a\""}}, {{"etag", "W/\"b\""}}, "its ETag"},
        {"weak, other time",
         {{"etag", "W/\"a\""}, {"last-modified", monday}},
         {{"etag", "W/\"a\""}, {"last-modified", tuesday}},
         "its time"},
        {"time", {{"last-modified", monday}}, {{"last-modified", tuesday}}, "its time"},
        {"nothing", {}, {}, nullptr},
        {"version", {{"x-amz-version-id", "1"}}, {{"x-amz-version-id", "2"}}, "its version id"},
        {"version, the same content again",
         {{"x-amz-version-id", "1"}, {"etag", "\"a\""}},
         {{"x-amz-version-id", "2"}, {"etag", "\"a\""}},
         "its version id"},
        {"version kept, touched only",
         {{"x-amz-version-id", "1"}, {"last-modified", monday}},
         {{"x-amz-version-id", "1"}, {"last-modified", tuesday}},
         nullptr},
        {"version kept", {{"x-amz-version-id", "1"}}, {{"x-amz-version-id", "1"}}, nullptr},
    };
    for (const Row& row : rows) {
        const auto found = difference(identity(row.first), identity(row.later));
        ASSERT_EQ(found.has_value(), row.difference != nullptr) << row.name;
        EXPECT_TRUE(!found || found->starts_with(row.difference)) << row.name;
    }
    EXPECT_NE(difference(identity(etag, 100), identity(etag, 99))->find("99"), std::string::npos);
}

TEST(Identity, RepeatsNoValueOfTheServer) {
    const auto secret = identity({{"etag", "\"canary\""}, {"x-amz-version-id", "canary"}});
    for (const Headers& other :
         {Headers{{"etag", "\"b\""}}, Headers{{"x-amz-version-id", "2"}}, Headers{}}) {
        const auto found = difference(secret, identity(other, 1));
        ASSERT_TRUE(found);
        EXPECT_EQ(found->find("canary"), std::string::npos);
    }
}

} // namespace
} // namespace tz
