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

TEST_F(ExitCodes, OfWrongUsageComeWithWhatToDo) {
    const std::string sealed = folder.path("sealed.tensors");
    write_tensors(sealed, tensor_bytes, key);
    const std::string key_file = folder.write("key", key);
    const std::string place = folder.path(".");
    const std::string out = folder.path("out.tensors");

    const struct {
        std::vector<std::string> arguments;
        std::string text; ///< of stderr
        std::vector<std::string> environment{};
    } cases[] = {
        {{"lod", file}, "tz: 'lod' is no command of tz; did you mean load? see 'tz --help'"},
        {{"frobnicate"}, "tz: 'frobnicate' is no command of tz; see 'tz --help'"},
        {{"manifest", "shwo"},
         "tz: 'shwo' is no command of manifest; did you mean show? see 'tz manifest --help'"},
        {{"load", file, "--inclde=x"},
         "tz: there is no option --inclde here; did you mean --include? see 'tz load --help'"},
        {{"load", file, "--frobnicate"},
         "tz: there is no option --frobnicate here; see 'tz load --help'"},
        {{"load", file, "--chunk-size", "1KiB"},
         "tz: the chunk size is 1 KiB, and may be 64 KiB to 256 MiB; change --chunk-size"},
        {{"load", file, "--loops", "1000"},
         "tz: the number of loops is 1000, and may be 1 to 64; change --loops"},
        {{"load", file, "--workers", "100000"},
         "tz: the number of workers is 100000, and may be 0 to 1024; change --workers"},
        {{"load", file, "--require", "pubkey:"},
         "tz: require: 'pubkey:' names no file; write --require pubkey:FILE"},
        {{"load", file},
         "tz: TZ_CHUNK_SIZE: 'foo' is no size; write sizes as 8388608, 8MiB, 1.5GiB or 2GB; see "
         "'tz load --help'",
         {"TZ_CHUNK_SIZE=foo"}},
        {{"load", file, "--chunk-size", "bar"},
         "tz: --chunk-size: 'bar' is no size; write sizes as 8388608, 8MiB, 1.5GiB or 2GB; see "
         "'tz load --help'",
         {"TZ_CHUNK_SIZE=foo"}},
        {{"encrypt", "--key-file", key_file, sealed, out},
         "tz: " + sealed +
             ": the file is encrypted already; `tz convert --key-file OLD --encrypt-key-file NEW` "
             "gives it another key"},
        {{"fetch", place, out},
         "tz: " + place +
             ": this is a folder, and single files are copied; give them one by one, or use `tz "
             "convert " +
             place + " out.tensors`"},
        {{"upload", place, "s3://bucket/key"},
         "tz: " + place +
             ": this is a folder, and single files are copied; give them one by one, or use `tz "
             "convert " +
             place + " out.tensors`"},
    };

    for (const auto& one : cases) {
        SCOPED_TRACE(testing::PrintToString(one.arguments));
        RunOptions options;
        options.environment = one.environment;
        expect_failure(2, one.arguments, options);
        EXPECT_EQ(run(one.arguments, options).err, one.text + "\n");
    }
}

TEST_F(ExitCodes, OfNewFilesWithoutAFolder) {
    const std::string nowhere = folder.path("nodir");
    const std::string made = nowhere + "/made.tensors";
    const std::string text = ": the folder " + nowhere + " does not exist; make it first\n";
    const std::vector<std::vector<std::string>> commands{
        {"fetch", file, made},
        {"convert", file, made},
        {"keygen", made},
        {"load", file, "--trace", made},
        {"load", file, "--metrics-file", made}};
    for (const auto& command : commands) {
        SCOPED_TRACE(testing::PrintToString(command));
        expect_failure(3, command);
        EXPECT_EQ(run(command).err, "tz: " + made + text);
    }
    EXPECT_EQ(
        run({"keygen", file + "/key"}).err,
        "tz: " + file + "/key: " + file + " is no folder; choose another one\n");
}

TEST_F(ExitCodes, FourForAFolderThatMayNotBeWrittenTo) {
    if (::getuid() != 0)
        GTEST_SKIP() << "needs root";
    const std::string closed = folder.path("closed");
    std::filesystem::create_directory(closed);
    std::filesystem::permissions(closed, std::filesystem::perms(0755));
    std::filesystem::permissions(file, std::filesystem::perms(0644));
    const std::vector<std::vector<std::string>> commands{
        {"fetch", file, closed + "/x"}, {"load", file, "--trace", closed + "/x"}};
    for (const auto& command : commands) {
        expect_failure(4, command, {.nobody = true});
        EXPECT_NE(
            run(command, {.nobody = true})
                .err.find(
                    "the folder " + closed +
                    " may not be written to (Permission denied); choose another folder"),
            std::string::npos);
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

TEST_F(ExitCodes, SevenWhereAFileIsMadeAndItsResultCantBeSaid) {
    const std::string made = folder.path("made.tensors");
    const std::string key_file = folder.path("made.key");
    const std::string copy = folder.path("copy");
    const std::vector<std::pair<std::vector<std::string>, std::string>> commands{
        {{"convert", file, made}, "wrote " + made},
        {{"keygen", key_file}, "wrote a new key to " + key_file},
        {{"fetch", file, copy}, "wrote " + copy}};
    for (const auto& [command, done] : commands) {
        EXPECT_EQ(
            run(command, {.stdout_path = "/dev/full"}).err,
            "tz: " + done + ", but stdout takes no more: No space left on device\n");
        EXPECT_TRUE(std::filesystem::exists(command.back()));
        std::filesystem::remove(command.back());
        expect_failure(7, command, {.stdout_path = "/dev/full"});
    }
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
