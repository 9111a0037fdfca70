// `tz-bench impact`: how it becomes its script. What the script does: tests/bench/test_impact.py.
#include "support/files.hpp"
#include "support/program.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

namespace tz::test {
namespace {

struct Impact : testing::Test {
    Folder folder;

    /// With /bin/sh as its Python.
    std::vector<std::string> command(const std::string& script) const {
        return {"impact", "--python=/bin/sh", "--script=" + folder.write("script", script)};
    }

    static Outcome bench(const std::vector<std::string>& arguments) {
        return run(arguments, {.program = TZ_BENCH_PROGRAM});
    }
};

TEST_F(Impact, HandsItsOptionsToTheScript) {
    std::vector<std::string> words = command("for word; do echo \"<$word>\"; done");
    for (const char* word :
         {"--requests",
          "7",
          "--from=local,s3",
          "--server",
          "a=b --c 'd e'",
          "--json",
          "-q",
          "--server=f=g",
          "--export-json=/dev/null"})
        words.emplace_back(word);
    const Outcome outcome = bench(words);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(
        outcome.out,
        "<--requests=7>\n<--server=a=b --c 'd e'>\n<--server=f=g>\n<--from=local,s3>\n<--json>\n"
        "<--quiet>\n<--export-json=/dev/null>\n");
}

TEST_F(Impact, IsNotBegunWhereItsResultCantBeWritten) {
    std::vector<std::string> words = command("echo begun");
    words.push_back("--export-json=" + folder.path("no/out.json"));
    const Outcome outcome = bench(words);
    EXPECT_EQ(outcome.code, 3) << outcome.err;
    EXPECT_NE(outcome.err.find("no/out.json"), std::string::npos) << outcome.err;
    EXPECT_EQ(outcome.out, "");
}

TEST_F(Impact, EndsAsTheScriptDoes) {
    EXPECT_EQ(bench(command("exit 7")).code, 7);
    EXPECT_EQ(bench(command("kill -TERM $$")).signal, SIGTERM);
}

TEST_F(Impact, CtrlCReachesTheScript) {
    const std::string began = folder.path("began");
    Program program(
        command("trap 'exit 130' INT; : >" + began + "; while :; do sleep 0.01; done"),
        {.program = TZ_BENCH_PROGRAM});
    while (!std::filesystem::exists(began))
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    ::kill(program.pid(), SIGINT);
    EXPECT_EQ(program.wait().code, 130);
}

TEST_F(Impact, SaysWhatIsMissing) {
    const Outcome script = bench({"impact", "--script", folder.path("none.py")});
    EXPECT_EQ(script.code, 3);
    EXPECT_NE(script.err.find("none.py: no such script"), std::string::npos) << script.err;
    const Outcome python = bench({"impact", "--python", folder.path("no-python")});
    EXPECT_EQ(python.code, 3);
    EXPECT_NE(python.err.find("no-python: cannot be started"), std::string::npos) << python.err;
    EXPECT_NE(python.err.find("--python"), std::string::npos) << python.err;
}

TEST_F(Impact, FindsTheScriptOfTheSources) {
    const Outcome outcome =
        run({"impact"}, {.program = TZ_BENCH_PROGRAM, .environment = {"TZ_PYTHON=/bin/echo"}});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_TRUE(outcome.out.ends_with("/bench/impact/measure.py\n")) << outcome.out;
}

} // namespace
} // namespace tz::test
