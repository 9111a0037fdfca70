// Each exit code of `tz`, and that a failure is one line on stderr and nothing on stdout.
#include "support/files.hpp"
#include "support/program.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <unistd.h>

namespace tz::test {
namespace {

constexpr std::size_t tensor_bytes = 100'000;
const std::string key = "0123456789abcdef0123456789ABCDEF";
const std::string other_key = "0123456789abcdef0123456789ABCDEf";

struct ExitCodes : testing::Test {
    Folder folder;
    std::string file = folder.path("x.tensors");

    void SetUp() override { write_tensors(file, tensor_bytes); }

    void expect_failure(
        int code, const std::vector<std::string>& arguments, const RunOptions& options = {}) {
        const Outcome outcome = run(arguments, options);
        EXPECT_EQ(outcome.code, code) << outcome.err;
        EXPECT_EQ(outcome.out, "");
        EXPECT_TRUE(outcome.err.starts_with("tz: ")) << outcome.err;
        EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    }
};

TEST_F(ExitCodes, Zero) {
    for (const char* command : {"inspect", "verify", "checksum", "load"}) {
        const Outcome outcome = run({command, file});
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        EXPECT_NE(outcome.out, "");
        EXPECT_EQ(outcome.err, "");
    }
    EXPECT_EQ(run({"info"}).code, 0);
}

TEST_F(ExitCodes, OneWhereTheSystemRefuses) {
    expect_failure(1, {"load", "/dev/zero"});
    expect_failure(1, {"inspect", "/dev/null", "--json"});
}

TEST_F(ExitCodes, TwoForWrongUsage) {
    const std::vector<std::vector<std::string>> table{
        {},
        {"bogus"},
        {"load"},
        {"inspect", file, file},
        {"load", file, "--bogus"},
        {"load", file, "--io", "bogus"},
        {"load", file, "--chunk-size", "8Q"},
        {"load", file, "--chunk-size"},
        {"load", file, "--chunk-size", "4097"},
        {"load", file, "--concurrency", "-1"},
        {"load", file, "--concurrency", "64", "--chunk-size", "64MiB", "--memory-limit", "1MiB"},
        {"load", file, "--deadline", "0"},
        {"load", file, "--verify", "md5"},
        {"load", file, "--key-file", "a", "--password-file", "b"},
        {"load", file, "--key-file", folder.write("short", "too short")},
        {"inspect", file, "--memory", "none"},
        {"load", file, "--tries", "0"},
        {"load", file, "--redirects", "-1"},
        {"load", file, "--stall-time", "0"},
        {"load", file, "--connect-timeout", "0.0001ms"},
        {"load", file, "--client-key", "key.pem"},
        {"load", file, "--proxy", "http://user:canary@localhost"},
        {"fetch"},
        {"fetch", file},
        {"fetch", file, folder.path("a"), file},
        {"fetch", file, file},
        {"fetch", file, folder.path("a"), file, folder.path("a")},
        {"fetch", file, folder.path("a"), "--sha256", "12"},
        {"fetch", file, folder.path("a"), file, folder.path("b"), "--sha256", std::string(64, '0')},
        {"fetch", "https://localhost/a/", folder.path(".")},
        {"fetch", "https://localhost/..%2f..", folder.path(".")},
        {"info", "--path"},
        {"--json", "info"}};
    for (const auto& arguments : table) {
        SCOPED_TRACE(testing::PrintToString(arguments));
        expect_failure(2, arguments);
    }
}

TEST_F(ExitCodes, ThreeForWhatIsNotThere) {
    for (const char* command : {"inspect", "verify", "checksum", "load"})
        expect_failure(3, {command, folder.path("absent")});
    expect_failure(3, {"load", file, "--key-file", folder.path("absent")});
    expect_failure(3, {"info", "--path", folder.path("absent")});
}

TEST_F(ExitCodes, FourForWhatIsDenied) {
    if (::getuid() != 0)
        GTEST_SKIP() << "needs root";
    const std::string secret = folder.write("secret", "secret", 0600);
    expect_failure(4, {"load", secret}, {.nobody = true});
    std::filesystem::permissions(file, std::filesystem::perms(0644));
    expect_failure(4, {"load", file, "--key-file", secret}, {.nobody = true});
}

TEST_F(ExitCodes, FiveForWhatARetryMayCure) {
    const std::string sparse = folder.path("sparse");
    write_sparse(sparse, 1ull << 36);
    expect_failure(
        5, {"load", sparse, "--memory", "none", "--verify", "none", "--deadline", "1ms", "--json"});
}

TEST_F(ExitCodes, SixForWrongData) {
    expect_failure(6, {"inspect", folder.write("text", std::string(1000, 'x'))});
    damage(file, tensor_bytes);
    expect_failure(6, {"verify", file});
    expect_failure(6, {"load", file});
    expect_failure(6, {"checksum", file, "--json"});
}

TEST_F(ExitCodes, SixForAWrongKey) {
    write_tensors(file, tensor_bytes, key);
    expect_failure(6, {"load", file});
    expect_failure(6, {"load", file, "--key-file", folder.write("key", other_key)});
    EXPECT_EQ(run({"load", file, "--key-file", folder.write("key", key)}).code, 0);
}

TEST_F(ExitCodes, SixWhereAHashIsMissing) {
    const std::string sparse = folder.path("sparse");
    write_sparse(sparse, 1000);
    expect_failure(6, {"verify", sparse});
    EXPECT_EQ(run({"verify", sparse, "--verify", "auto"}).code, 0);
}

TEST_F(ExitCodes, SevenForWantOfMemory) {
    const std::string sparse = folder.path("sparse");
    write_sparse(sparse, 1ull << 43);
    expect_failure(7, {"load", sparse});
}

TEST_F(ExitCodes, SevenForACostlyPassword) {
    const std::string costly = folder.path("costly");
    write_costly_password(costly);
    expect_failure(7, {"load", costly, "--password-file", folder.write("password", "pw")});
}

TEST_F(ExitCodes, SevenForWantOfSpace) {
    expect_failure(7, {"inspect", file}, {.stdout_path = "/dev/full"});
}

TEST_F(ExitCodes, OneHundredAndThirtyForASignal) {
    const std::string sparse = folder.path("sparse");
    write_sparse(sparse, 1ull << 38);
    for (const int signal : {SIGINT, SIGTERM}) {
        Program load({"load", sparse, "--memory", "none", "--verify", "none", "--json"});
        ASSERT_TRUE(load.wait_until_it_blocks(signal));
        ::kill(load.pid(), signal);
        const Outcome outcome = load.wait();
        EXPECT_EQ(outcome.code, 130) << outcome.err;
        EXPECT_EQ(outcome.out, "");
    }
}

TEST_F(ExitCodes, ZeroWhereTheReaderHasGone) {
    for (const char* command : {"inspect", "verify", "checksum", "load"}) {
        const Outcome outcome = run({command, file}, {.closed_pipe = true});
        EXPECT_EQ(outcome.code, 0);
        EXPECT_EQ(outcome.err, "");
    }
    EXPECT_EQ(run({"info"}, {.closed_pipe = true}).code, 0);
    EXPECT_EQ(run({"--help"}, {.closed_pipe = true}).code, 0);
}

} // namespace
} // namespace tz::test
