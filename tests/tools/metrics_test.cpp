#include <tz/format/error.hpp>
#include <tz/tools/metrics.hpp>

#include <gtest/gtest.h>

#include <map>
#include <new>
#include <regex>
#include <sstream>

namespace tz::cli {
namespace {

RunFigures complete() {
    RunFigures run;
    run.command = "load";
    run.version = "0.1.0";
    run.seconds = 2.5;
    run.ended_at = 1700000000.25;
    run.delivered_bytes = 3'000'000'000;
    LoadStats stats;
    stats.bytes = 3'000'000'000;
    stats.read_bytes = 3'000'004'096;
    stats.requests = 12;
    stats.retries = 2;
    stats.seconds = 2;
    stats.read = {3'000'004'096, 0.5, 1.5};
    stats.decrypt = {17, 0.25, 0.125};
    run.stats = stats;
    return run;
}

bool has(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(Metrics, HaveTheFiguresOfTheRun) {
    const std::string text = metrics_text(complete());
    for (const char* line :
         {R"(tzio_build_info{command="load",version="0.1.0"} 1)",
          R"(tzio_run_result{command="load",result="ok"} 1)",
          R"(tzio_run_result{command="load",result="transport"} 0)",
          R"(tzio_run_end_timestamp_seconds{command="load"} 1700000000.25)",
          R"(tzio_run_seconds{command="load"} 2.5)",
          R"(tzio_load_seconds{command="load"} 2)",
          R"(tzio_delivered_bytes{command="load"} 3000000000)",
          R"(tzio_read_bytes{command="load"} 3000004096)",
          R"(tzio_requests{command="load"} 12)",
          R"(tzio_retries{command="load"} 2)",
          R"(tzio_stage_bytes{command="load",stage="decrypt"} 17)",
          R"(tzio_stage_cpu_seconds{command="load",stage="read"} 0.5)",
          R"(tzio_stage_wait_seconds{command="load",stage="decrypt"} 0.125)",
          R"(tzio_stage_wait_seconds{command="load",stage="put"} 0)"})
        EXPECT_TRUE(has(text, line)) << line << " is not in\n" << text;
}

TEST(Metrics, OfAFailureLeaveOutWhatIsNotKnown) {
    RunFigures run = complete();
    run.stats.reset();
    run.result = "transport";
    const std::string text = metrics_text(run);
    EXPECT_TRUE(has(text, R"(tzio_run_result{command="load",result="ok"} 0)"));
    EXPECT_TRUE(has(text, R"(tzio_run_result{command="load",result="transport"} 1)"));
    EXPECT_TRUE(has(text, R"(tzio_delivered_bytes{command="load"} 3000000000)"));
    EXPECT_EQ(text.find("tzio_retries"), text.npos);
    EXPECT_EQ(text.find("tzio_stage"), text.npos);
}

TEST(Metrics, EscapeTheirLabels) {
    RunFigures run = complete();
    run.version = "a\"b\\c\nd";
    EXPECT_TRUE(
        has(metrics_text(run), R"(tzio_build_info{command="load",version="a\"b\\c\nd"} 1)"));
}

// The exposition format, as strict as we write it: each name once, described before it is used,
// units behind names, and each series once.
void expect_format(const std::string& text) {
    ASSERT_TRUE(text.ends_with('\n'));
    const std::regex help(R"(# HELP (tzio_[a-z_]+) [A-Z].*\.)");
    const std::regex type(R"(# TYPE (tzio_[a-z_]+) gauge)");
    const std::regex sample(
        R"re((tzio_[a-z_]+)(\{(?:[a-z]+="(?:[^"\\]|\\["\\n])*",?)+\}) ([0-9.e+-]+))re");
    std::map<std::string, int> described; // 1: HELP, 2: TYPE, 3: with samples
    std::map<std::string, int> series;
    std::string current;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::smatch match;
        if (std::regex_match(line, match, help)) {
            current = match[1];
            EXPECT_EQ(++described[current], 1) << line;
        } else if (std::regex_match(line, match, type)) {
            EXPECT_EQ(match[1], current);
            EXPECT_EQ(++described[current], 2) << line;
        } else {
            ASSERT_TRUE(std::regex_match(line, match, sample)) << line;
            EXPECT_EQ(match[1], current);
            described[current] = 3;
            EXPECT_EQ(++series[match[1].str() + match[2].str()], 1) << line;
            std::size_t end = 0;
            std::stod(match[3], &end);
            EXPECT_EQ(end, match[3].str().size()) << line;
        }
    }
    EXPECT_GE(described.size(), 5u);
    for (const auto& [name, steps] : described)
        EXPECT_EQ(steps, 3) << name;
}

TEST(Metrics, KeepTheFormat) {
    expect_format(metrics_text(complete()));
    RunFigures failed = complete();
    failed.stats.reset();
    failed.result = "other";
    expect_format(metrics_text(failed));
}

TEST(Metrics, NameEachKindOfErrorAndEachIsOne) {
    const std::map<errc, std::string> names{
        {errc::format, "format"},
        {errc::integrity, "integrity"},
        {errc::auth, "auth"},
        {errc::unsupported, "unsupported"},
        {errc::not_found, "not_found"},
        {errc::denied, "denied"},
        {errc::transport, "transport"},
        {errc::deadline, "deadline"},
        {errc::object_changed, "object_changed"},
        {errc::limit, "limit"},
        {errc::io, "io"},
        {errc::device, "device"},
        {errc::cancelled, "cancelled"},
        {errc::usage, "usage"}};
    RunFigures run = complete();
    for (const auto& [kind, name] : names) {
        EXPECT_EQ(run.result = result_of(Error(kind, "x")), name);
        const std::string text = metrics_text(run);
        EXPECT_TRUE(has(text, "tzio_run_result{command=\"load\",result=\"" + name + "\"} 1"));
        EXPECT_TRUE(has(text, R"(tzio_run_result{command="load",result="ok"} 0)"));
    }
    EXPECT_EQ(result_of(std::bad_alloc()), "other");
}

} // namespace
} // namespace tz::cli
