// The help that people, man pages and shell completion read.
#include "support/program.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <vector>

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
    EXPECT_EQ(
        long_options(outcome.out),
        (std::set<std::string>{"--config", "--help", "--print-config", "--version"}));
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
        "--chunk-size",   "--config",         "--print-config",   "--concurrency",
        "--deadline",     "--decrypt-on",     "--device",         "--direct",
        "--exclude",      "--help",           "--include",        "--io",
        "--json",         "--kdf-max-memory", "--kdf-max-passes", "--key-file",
        "--log-level",    "--metrics-file",   "--loops",          "--memory",
        "--memory-limit", "--password-file",  "--progress",       "--quiet",
        "--require",      "--subject",        "--trace",          "--verbose",
        "--verify",       "--workers"};
    expected.insert(remote_options.begin(), remote_options.end());
    EXPECT_EQ(long_options(run({"load", "--help"}).out), expected);
}

TEST(Help, OfFetchHasEachOption) {
    std::set<std::string> expected{
        "--chunk-size", "--concurrency", "--config",       "--print-config", "--deadline",
        "--direct",     "--force",       "--help",         "--io",           "--json",
        "--loops",      "--log-level",   "--memory-limit", "--metrics-file", "--progress",
        "--quiet",      "--sha256",      "--trace",        "--verbose",      "--workers"};
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

TEST(Help, VersionIsOneLineWithTheCommitWhereItIsKnown) {
    const Outcome outcome = run({"--version"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_TRUE(std::regex_match(outcome.out, std::regex(R"(tz 0\.1\.0( \([0-9a-f]{7,40}\))?\n)")))
        << outcome.out;
}

#ifdef TZ_BENCH_PROGRAM // whose options are in the table

using Variables = std::map<std::string, std::vector<std::string>>; // the commands of each

// `prefix` stands before names of commands.
void add_variables(Variables& all, const RunOptions& program, const std::string& prefix) {
    std::istringstream lines(run({"completion", "list"}, program).out);
    for (std::string line; std::getline(lines, line);) {
        std::vector<std::string> words;
        std::istringstream text(line);
        for (std::string word; text >> word;)
            words.push_back(word);
        words.erase(words.begin());
        words.emplace_back("--help");
        for (std::string option : long_options(run(words, program).out)) {
            if (option == "--help" || option == "--version" || option == "--config" ||
                option == "--print-config")
                continue;
            std::replace(option.begin(), option.end(), '-', '_');
            std::transform(option.begin(), option.end(), option.begin(), ::toupper);
            all["TZ" + option.substr(1)].push_back(
                prefix.empty() ? line.substr(line.find(' ') + 1) : line);
        }
    }
}

std::string environment_table() {
    Variables all;
    add_variables(all, {}, "");
    add_variables(all, {.program = TZ_BENCH_PROGRAM}, "tz-bench");
    std::string table;
    for (const auto& [variable, commands] : all) {
        table += "| `" + variable + "` |";
        for (std::size_t i = 0; i < commands.size(); ++i)
            table += (i == 0 ? " `" : ", `") + commands[i] + "`";
        table += " |\n";
    }
    return table;
}

TEST(Help, ListsTheSameOptionsAsTheManualDoesVariables) {
    std::ifstream manual(TZ_DOCS "/programs.md");
    std::string found;
    for (std::string line; std::getline(manual, line);)
        if (line.starts_with("| `TZ_"))
            found += line + "\n";
    const std::string expected = environment_table();
    EXPECT_EQ(found, expected) << "run docs/update_environment, which gives:\n" << expected;
}

#endif

TEST(Help, IsNamedByUsageErrors) {
    EXPECT_TRUE(run({"load"}).err.ends_with("; see 'tz load --help'\n"));
    EXPECT_TRUE(run({}).err.ends_with("; see 'tz --help'\n"));
}

} // namespace
} // namespace tz::test
