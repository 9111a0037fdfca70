// The help that people, man pages and shell completion read.
#include "support/program.hpp"

#include <gtest/gtest.h>

#include <set>
#include <sstream>

namespace tz::test {
namespace {

constexpr const char* commands[] = {
    "info", "inspect", "verify", "checksum", "load", "fetch", "manifest"};

void expect_lines_fit(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        EXPECT_LE(line.size(), 100u) << line;
}

// As bash-completion's _longopt finds them.
std::set<std::string> long_options(const std::string& help) {
    std::set<std::string> found;
    std::istringstream lines(help);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string word;
        words >> word;
        if (word.size() == 3 && word.ends_with(',')) // "-q, --quiet"
            words >> word;
        if (line.starts_with("  ") && word.starts_with("--"))
            found.insert(word);
    }
    return found;
}

TEST(Help, OfTheProgramNamesCommandsAndExitCodes) {
    const Outcome outcome = run({"--help"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.err, "");
    expect_lines_fit(outcome.out);
    for (const char* command : commands)
        EXPECT_NE(outcome.out.find("\n  " + std::string(command) + " "), std::string::npos);
    for (const char* text : {"Usage: tz ", "Exit codes: ", "Examples:\n", "TZ_CHUNK_SIZE"})
        EXPECT_NE(outcome.out.find(text), std::string::npos) << text;
    EXPECT_EQ(long_options(outcome.out), (std::set<std::string>{"--help", "--version"}));
}

TEST(Help, OfEachCommandEndsWithExamples) {
    for (const char* command : commands) {
        SCOPED_TRACE(command);
        for (const char* option : {"--help", "-h"}) {
            const Outcome outcome = run({command, option});
            EXPECT_EQ(outcome.code, 0);
            EXPECT_EQ(outcome.err, "");
            expect_lines_fit(outcome.out);
            const auto examples = outcome.out.find("\nExamples:\n  tz " + std::string(command));
            EXPECT_NE(examples, std::string::npos);
            EXPECT_EQ(outcome.out.find("\n\n", examples + 1), std::string::npos)
                << "ends with them";
        }
    }
}

const std::set<std::string> remote_options{
    "--allow-http",
    "--ca-file",
    "--client-cert",
    "--client-key",
    "--connect-timeout",
    "--endpoint-url",
    "--insecure",
    "--first-byte-timeout",
    "--hedge",
    "--no-sign-request",
    "--profile",
    "--proxy",
    "--redirects",
    "--region",
    "--stall-time",
    "--tries"};

TEST(Help, OfLoadHasEachOption) {
    std::set<std::string> expected{
        "--chunk-size",    "--concurrency", "--deadline", "--device",  "--direct",
        "--exclude",       "--help",        "--include",  "--io",      "--json",
        "--key-file",      "--log-level",   "--loops",    "--memory",  "--memory-limit",
        "--password-file", "--progress",    "--quiet",    "--require", "--subject",
        "--trace",         "--verbose",     "--verify",   "--workers"};
    expected.insert(remote_options.begin(), remote_options.end());
    EXPECT_EQ(long_options(run({"load", "--help"}).out), expected);
}

TEST(Help, OfFetchHasEachOption) {
    std::set<std::string> expected{
        "--chunk-size",
        "--concurrency",
        "--deadline",
        "--direct",
        "--force",
        "--help",
        "--io",
        "--json",
        "--loops",
        "--log-level",
        "--memory-limit",
        "--progress",
        "--quiet",
        "--sha256",
        "--verbose",
        "--workers"};
    expected.insert(remote_options.begin(), remote_options.end());
    EXPECT_EQ(long_options(run({"fetch", "--help"}).out), expected);
}

TEST(Help, HasTheOptionsOfRemoteFilesInAGroupOfTheirOwn) {
    for (const char* command : {"inspect", "verify", "checksum", "load", "fetch"}) {
        SCOPED_TRACE(command);
        const std::string help = run({command, "--help"}).out;
        const auto group = help.find("\nRemote files:\n");
        ASSERT_NE(group, help.npos);
        const auto end = help.find("\n\n", group);
        std::set<std::string> found = long_options(help.substr(group, end - group));
        EXPECT_EQ(found, remote_options);
    }
}

TEST(Help, VersionIsOneLine) {
    const Outcome outcome = run({"--version"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, "tz 0.1.0\n");
}

TEST(Help, IsNamedByUsageErrors) {
    EXPECT_TRUE(run({"load"}).err.ends_with("; see 'tz load --help'\n"));
    EXPECT_TRUE(run({}).err.ends_with("; see 'tz --help'\n"));
}

} // namespace
} // namespace tz::test
