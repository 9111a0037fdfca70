#include <tz/protocols/iso_time.hpp>

#include <gtest/gtest.h>

namespace tz {
namespace {

TEST(ParseTime, ReadsWhatTheServicesWrite) {
    const auto at = [](std::int64_t seconds) {
        return std::optional(std::chrono::system_clock::time_point(std::chrono::seconds(seconds)));
    };

    const struct {
        const char* text;
        std::optional<std::chrono::system_clock::time_point> time;
    } cases[] = {
        {"2027-01-15T08:00:00Z", at(1'800'000'000)},
        {"2027-01-15T08:00:00.123Z", at(1'800'000'000)},
        {"2027-01-15T08:00:00+00:00", at(1'800'000'000)},
        {"2027-01-15T09:30:00+01:30", at(1'800'000'000)},
        {"2027-01-15T03:00:00-05:00", at(1'800'000'000)},
        {"1970-01-01T00:00:00Z", at(0)},
        {"2028-02-29T00:00:00Z", at(1'835'395'200)},
        {"2027-02-29T00:00:00Z", std::nullopt},
        {"2027-13-01T00:00:00Z", std::nullopt},
        {"2027-01-15T24:00:00Z", std::nullopt},
        {"2027-01-15T08:60:00Z", std::nullopt},
        {"2027-01-15T08:00:00", std::nullopt},
        {"2027-01-15T08:00:00.", std::nullopt},
        {"2027-01-15T08:00:00x", std::nullopt},
        {"2027-01-15T08:00:00+0100", std::nullopt},
        {"2027-01-15T08:00:00+01:0x", std::nullopt},
        {"2027-01-15 08:00:00Z", std::nullopt},
        {"2027-1-15T08:00:00Z", std::nullopt},
        {"2026-02-30T10:45:07Z", std::nullopt},
        {"-026-11-26T10:45:07Z", std::nullopt},
        {"2026-1 -26T10:45:07Z", std::nullopt},
        {"2026-11-26", std::nullopt},
        {"", std::nullopt},
    };

    for (const auto& [text, time] : cases)
        EXPECT_EQ(parse_time(text), time) << text;
}

// The clock ends in 2262.
TEST(ParseTime, WhatIsBeyondTheClockIsAsFarAsItGoes) {
    const std::chrono::system_clock::time_point now(std::chrono::seconds(1'800'000'000));
    constexpr std::chrono::hours years(24 * 365 * 200);
    for (const char* text : {"9999-12-31T23:59:59Z", "2263-01-01T00:00:00-23:59"}) {
        ASSERT_TRUE(parse_time(text)) << text;
        EXPECT_GT(*parse_time(text), now + years) << text;
    }
    for (const char* text : {"0000-01-01T00:00:00Z", "1677-01-01T00:00:00+23:59"}) {
        ASSERT_TRUE(parse_time(text)) << text;
        EXPECT_LT(*parse_time(text), now - years) << text;
    }
}

} // namespace
} // namespace tz
