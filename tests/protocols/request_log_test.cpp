// What is said of requests, and how loud.
#include "http_load.hpp"
#include <tz/protocols/request_log.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace tz::test {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::pair<LogLevel, std::string>>;

class RequestLogTest : public ::testing::Test {
protected:
    /// Fails so often, and is made again each time.
    void fail(unsigned times, const Outcome& outcome) {
        Retry retry(options_, budget_, {});
        for (unsigned i = 0; i < times; ++i)
            log_.again("bytes=0-9", outcome, retry, retry.decide(outcome, {}, 0));
    }

    Lines lines_;
    RetryOptions options_;
    RetryBudget budget_{500};
    RequestLog log_{"https://h/m", [this](LogLevel level, const std::string& line) {
                        lines_.emplace_back(level, line);
                    }};
};

TEST_F(RequestLogTest, TellsEachInDetail) {
    log_.ended("bytes=0-9", {.bytes_gained = 10, .status = 206}, 1500us);
    log_.ended("bytes=0-9", {.status = 503}, 1ms);
    log_.ended("bytes=0-9", {.bytes_gained = 4, .problem = {errc::transport, "reset"}}, 0ms);
    log_.ended("DELETE uploadId=1", {.status = 204}, 1ms);
    EXPECT_EQ(
        lines_,
        (Lines{
            {LogLevel::debug, "https://h/m: bytes=0-9: status 206, 10 bytes, 2 ms"},
            {LogLevel::debug,
             "https://h/m: bytes=0-9: " + status_problem(503, {}).reason + ", 1 ms"},
            {LogLevel::debug, "https://h/m: bytes=0-9: reset, 4 bytes, 0 ms"},
            {LogLevel::debug, "https://h/m: DELETE uploadId=1: status 204, 1 ms"}}));
}

TEST_F(RequestLogTest, WarnsOnceOfWhatFailsMoreThanThreeTimes) {
    fail(3, {.status = 503});
    ASSERT_EQ(lines_.size(), 3u);
    for (const auto& [level, line] : lines_)
        EXPECT_EQ(level, LogLevel::info);
    EXPECT_EQ(
        lines_[0].second,
        "https://h/m: bytes=0-9: " + status_problem(503, {}).reason + "; try 2 of 8 in 100 ms");
    lines_.clear();
    fail(5, {.status = 503});
    fail(5, {.status = 503});
    ASSERT_EQ(lines_.size(), 10u);
    for (std::size_t i = 0; i < lines_.size(); ++i)
        EXPECT_EQ(lines_[i].first, i == 3 ? LogLevel::warning : LogLevel::info) << i;
    EXPECT_NE(lines_[3].second.find("; try 5 of 8 in "), std::string::npos);
}

TEST_F(RequestLogTest, MayHaveNobodyToTell) {
    const RequestLog none("x", {});
    none.ended("bytes=0-9", {.status = 206}, 1ms);
    Retry retry(options_, budget_, {});
    none.again("bytes=0-9", {.status = 503}, retry, retry.decide({.status = 503}, {}, 0));
}

} // namespace
} // namespace tz::test
