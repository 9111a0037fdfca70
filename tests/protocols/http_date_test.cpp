#include <tz/protocols/http_date.hpp>

#include <gtest/gtest.h>

namespace tz {
namespace {

using namespace std::chrono;

constexpr HttpTime now = sys_days(2026y / November / 25) + 12h;
constexpr HttpTime example = sys_days(1994y / November / 6) + 8h + 49min + 37s;

TEST(HttpDate, ReadsTheThreeFormsOfTheStandard) {
    EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", now), example);
    EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", now), example);
    EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994", now), example);
    EXPECT_EQ(parse_http_date("Wed Nov 16 08:49:37 1994", now), example + days(10));
}

TEST(HttpDate, PrintsTheFirstForm) {
    EXPECT_EQ(http_date(example), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(http_date(HttpTime{}), "Thu, 01 Jan 1970 00:00:00 GMT");
    EXPECT_EQ(http_date(HttpTime(-1s)), "Wed, 31 Dec 1969 23:59:59 GMT");
}

TEST(HttpDate, ReadsWhatItPrintsOverFourCenturies) {
    for (HttpTime time = sys_days(1800y / January / 1); time < sys_days(2200y / January / 1);
         time += 86'399s * 7)
        ASSERT_EQ(parse_http_date(http_date(time), now), time) << http_date(time);
}

TEST(HttpDate, TakesTwoDigitsForTheLatestYearThatIsNoMoreThanFiftyAhead) {
    EXPECT_EQ(
        parse_http_date("Wednesday, 01-Jan-76 00:00:00 GMT", now), sys_days(2076y / January / 1));
    EXPECT_EQ(
        parse_http_date("Saturday, 01-Jan-77 00:00:00 GMT", now), sys_days(1977y / January / 1));
}

TEST(HttpDate, TakesALeapSecondForTheNextOne) {
    EXPECT_EQ(parse_http_date("Sat, 31 Dec 2016 23:59:60 GMT", now), sys_days(2017y / January / 1));
}

TEST(HttpDate, RefusesEverythingElse) {
    for (const char* text : {
             "",
             "0",
             "Sun",
             "Sun, 06 Nov 1994 08:49:37",
             "Sun, 06 Nov 1994 08:49:37 UTC",
             "Sun, 06 Nov 1994 08:49:37 GMT ",
             " Sun, 06 Nov 1994 08:49:37 GMT",
             "Sun, 6 Nov 1994 08:49:37 GMT",
             "sun, 06 nov 1994 08:49:37 gmt",
             "Mon, 06 Nov 1994 08:49:37 GMT", // it was a Sunday
             "Sun, 06 Nov 94 08:49:37 GMT",
             "Sun, 06 Nov 1994 24:00:00 GMT",
             "Sun, 06 Nov 1994 08:60:37 GMT",
             "Sun, 06 Nov 1994 08:49:61 GMT",
             "Sun, -6 Nov 1994 08:49:37 GMT",
             "Sun, 06 Nov 1994 08:49:3a GMT",
             "Sun, 00 Nov 1994 08:49:37 GMT",
             "Wed, 31 Nov 1994 08:49:37 GMT",
             "Wed, 29 Feb 2023 08:49:37 GMT",
             "Sun, 06-Nov-94 08:49:37 GMT",
             "Sunday, 06-Nov-1994 08:49:37 GMT",
             "Sun Nov 6 08:49:37 1994",
             "Sun Nov  6 08:49:37 1994 GMT",
         })
        EXPECT_FALSE(parse_http_date(text, now)) << text;
}

} // namespace
} // namespace tz
