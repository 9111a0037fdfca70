// `tz-bench`: what it says of loads and of other loaders, never how fast they are.
#include "support/bench_files.hpp"
#include "support/files.hpp"
#include "support/program.hpp"
#include <tz/tests/support/http_server.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

namespace tz::test {
namespace {

constexpr std::size_t all_bytes = tensor_bytes + 12;
const std::string key = "0123456789abcdef0123456789ABCDEF";

struct Bench : testing::Test {
    Folder folder;
    std::string plain = folder.path("plain.tensors");
    std::string sealed = folder.path("sealed.tensors");
    std::string key_file = folder.write("key", key);
    std::string password_file = folder.write("password", "not needed");

    void SetUp() override {
        write_tensors(plain, tensor_bytes);
        write_tensors(sealed, tensor_bytes, key);
    }

    static Outcome bench(const std::vector<std::string>& arguments) {
        return run(arguments, {.program = TZ_BENCH_PROGRAM});
    }

    /// One round of warm loads; the result.
    static nlohmann::json load(std::vector<std::string> arguments) {
        for (const char* more : {"--warm", "--runs=1", "--warmup=0", "--no-fio", "--json", "-q"})
            arguments.emplace_back(more);
        arguments.insert(arguments.begin(), "load");
        const Outcome outcome = bench(arguments);
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        return nlohmann::json::parse(outcome.out);
    }

    /// A loader that reports `crc32`, and notes its arguments in the file "NAME.runs".
    std::string loader(const std::string& name, std::uint32_t crc32) const {
        const std::string runs = folder.path(name + ".runs");
        return folder.write(
            name,
            "#!/bin/sh\necho \"$@\" >>" + runs +
                "\necho a warning\necho '{\"seconds\": [0.5, 0.1], \"bytes\": " +
                std::to_string(all_bytes) + ", \"crc32\": " + std::to_string(crc32) + "}'\n",
            0700);
    }

    std::string runs_of(const std::string& loader) const {
        std::ifstream file(folder.path(loader + ".runs"));
        return {std::istreambuf_iterator<char>(file), {}};
    }
};

nlohmann::json entry(const nlohmann::json& result, const std::string& name) {
    for (const auto& one : result.at("summary").at("entries"))
        if (one.at("name") == name)
            return one;
    ADD_FAILURE() << name << " is not in the result";
    return {};
}

TEST_F(Bench, ASampleIsOneLineThatTellsOfOneLoad) {
    const Outcome outcome = bench({"sample", sealed, "--key-file", key_file, "--mode", "all"});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.out.find('\n'), outcome.out.size() - 1);
    const auto sample = nlohmann::json::parse(outcome.out);
    EXPECT_EQ(sample.at("bytes"), all_bytes);
    EXPECT_EQ(sample.at("crc32"), contents_crc32());
    EXPECT_LT(sample.at("began"), sample.at("ended"));
    EXPECT_GE(sample.at("anonymous_end_bytes"), all_bytes);
}

TEST_F(Bench, ASampleThatDropsTensorsHasNoChecksumOfThem) {
    const Outcome outcome = bench({"sample", plain, "--mode", "drop"});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_FALSE(nlohmann::json::parse(outcome.out).contains("crc32"));
}

TEST_F(Bench, LoadersAreHeldToTheSameBytes) {
    const std::string right = loader("right", contents_crc32());
    const std::string wrong = loader("wrong", contents_crc32() + 1);
    const auto result = load(
        {plain, "--peer", "right=" + right + " {file}", "--peer", "wrong=" + wrong + " {file}"});
    EXPECT_EQ(entry(result, "right").at("samples"), 1);
    EXPECT_EQ(entry(result, "wrong").at("samples"), 0);
    const std::string failure = entry(result, "wrong").at("failure");
    EXPECT_NE(failure.find("other bytes"), std::string::npos) << failure;
    for (const auto& run : result.at("runs"))
        if (run.at("role") == "load") {
            EXPECT_EQ(run.at("crc32"), contents_crc32()) << run.at("name");
            EXPECT_GE(run.at("anonymous_peak_bytes"), all_bytes) << run.at("name");
            EXPECT_TRUE(run.at("loop_cpu_seconds").is_number()) << run.at("name");
        }
}

TEST_F(Bench, EachLoaderGetsTheFilesItAsksFor) {
    const std::string beside = folder.write("plain.safetensors", "the same tensors");
    const std::uint32_t crc32 = contents_crc32();
    load(
        {plain,
         sealed,
         "--modes=plain",
         "--key-file=" + key_file,
         "--password-file=" + password_file,
         "--peer=a=" + loader("open", crc32) + " {file}",
         "--warm-peer=b=" + loader("beside", crc32) + " {safetensors}",
         "--peer=c=" + loader("keyed", crc32) + " {key_file} {file}",
         "--peer=d=" + loader("password", crc32) + " {password_file} {file}",
         "--cold-peer=e=" + loader("cold", crc32) + " {file}"});
    EXPECT_EQ(runs_of("open"), plain + "\n");
    EXPECT_EQ(runs_of("beside"), beside + "\n");
    EXPECT_EQ(runs_of("keyed"), key_file + " " + sealed + "\n");
    EXPECT_EQ(runs_of("password"), "") << "no file has a password";
    EXPECT_EQ(runs_of("cold"), "");
}

TEST_F(Bench, APeerNeedsANameAndAFile) {
    for (const char* peer : {"{file}", "=cat {file}", "name=cat", "name=cat {files}"}) {
        const Outcome outcome = bench({"load", plain, "--cold-peer", peer});
        EXPECT_EQ(outcome.code, 2) << peer;
        EXPECT_NE(outcome.err.find("NAME=COMMAND"), std::string::npos) << outcome.err;
    }
}

TEST_F(Bench, TimesLoadsFromAServerAndTellsNoSecretOfTheUrl) {
    std::ifstream file(plain, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    HttpServer server;
    server.put("/m/x.tensors", text_object(text));
    const std::string url = server.url("/m/x.tensors");
    const std::string secret = "cAnArY7531";
    const std::vector<std::string> arguments{
        "load", url + "?X-Amz-Signature=" + secret, "--runs=1", "--warmup=0", "--no-fio", "-q"};
    std::vector<std::string> json = arguments;
    json.emplace_back("--json");
    const RunOptions direct{.program = TZ_BENCH_PROGRAM, .environment = {"no_proxy=*"}};
    const Outcome outcome = run(json, direct);
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ((outcome.out + outcome.err).find(secret), outcome.out.npos) << outcome.out;
    const auto result = nlohmann::json::parse(outcome.out);
    const auto& entries = result["summary"]["entries"];
    const auto loads = std::count_if(entries.begin(), entries.end(), [](const auto& one) {
        return one["role"] == "load" && one["cache"] == "server" && one["samples"] == 1;
    });
    EXPECT_EQ(loads, 3) << "plain, CRC-32 and SHA-256";
    const std::string table = run(arguments, direct).out;
    EXPECT_NE(table.find("from a server"), table.npos) << table;
    EXPECT_NE(table.find("loopback socket, both ends"), table.npos) << table;
}

TEST_F(Bench, AResultThatCantBeWrittenFailsBeforeTheFirstSample) {
    const std::string result = folder.path("no/result.json");
    const std::vector<std::string> commands[] = {
        {"load", plain}, {"sweep", plain}, {"advise", plain}, {"compare"}, {"--demo"}};

    for (std::vector<std::string> arguments : commands) {
        arguments.push_back("--export-json=" + result);
        const Outcome outcome = bench(arguments);
        EXPECT_EQ(outcome.code, 3) << arguments.front();
        EXPECT_NE(outcome.err.find(result), std::string::npos) << outcome.err;
        EXPECT_EQ(outcome.out, "") << arguments.front();
    }
}

TEST_F(Bench, ATableIsPrintedWhereItsResultIsLostAtTheEnd) {
    const Outcome outcome = bench(
        {"load",
         plain,
         "--warm",
         "--runs=1",
         "--warmup=0",
         "--no-fio",
         "--modes=plain",
         "-q",
         "--export-json=/dev/full"});
    EXPECT_EQ(outcome.code, 7) << outcome.err;
    EXPECT_NE(outcome.err.find("/dev/full"), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.out.find("plain.tensors"), std::string::npos) << outcome.out;
}

TEST_F(Bench, AnOlderResultStaysUntilThereIsANewOne) {
    const std::string result = folder.write("result.json", "older");
    const auto contents = [](const std::string& path) {
        std::ifstream file(path);
        return std::string{std::istreambuf_iterator<char>(file), {}};
    };
    EXPECT_NE(bench({"load", folder.path("absent"), "--export-json", result}).code, 0);
    EXPECT_EQ(contents(result), "older");
    const std::string link = folder.path("link.json");
    std::filesystem::create_symlink(result, link);
    const auto printed = load({plain, "--modes=plain", "--export-json", link});
    EXPECT_EQ(nlohmann::json::parse(contents(result)), printed);
    EXPECT_TRUE(std::filesystem::is_symlink(link));
}

/// Stopped while the peer's third sample hangs.
struct StoppedBench : Bench {
    Outcome stop(std::vector<std::string> arguments, unsigned sample) const {
        const std::string began = folder.path("began");
        const std::string peer = folder.write(
            "peer",
            "#!/bin/sh\necho run >>" + began + "\ntest $(wc -l <" + began + ") -lt " +
                std::to_string(sample) + " || sleep 100\necho '{\"seconds\": [0.5], \"bytes\": " +
                std::to_string(all_bytes) + "}'\n",
            0700);
        arguments.insert(
            arguments.begin(),
            {"load", plain, "--warm", "--runs=1000", "--no-fio", "--modes=plain", "-q"});
        arguments.push_back("--peer=slow=" + peer + " {file}");
        Program program(arguments, {.program = TZ_BENCH_PROGRAM});
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(50);
        const auto runs = [&began] {
            std::ifstream file(began);
            return std::count(std::istreambuf_iterator<char>(file), {}, '\n');
        };
        while (runs() < sample && std::chrono::steady_clock::now() < until)
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        ::kill(program.pid(), SIGINT);
        return program.wait();
    }
};

TEST_F(StoppedBench, CtrlCEndsALoadWithTheRoundsThatAreComplete) {
    const std::string html = folder.path("page.html");
    const Outcome outcome = stop({"--warmup=0", "--json", "--html=" + html}, 3);
    ASSERT_EQ(outcome.code, 130) << outcome.err;
    const auto result = nlohmann::json::parse(outcome.out);
    EXPECT_EQ(result.at("stopped"), true);
    EXPECT_EQ(result.at("summary").at("rounds"), 2);
    for (const auto& one : result.at("summary").at("entries"))
        EXPECT_EQ(one.at("samples"), 2) << one.at("name");
    EXPECT_TRUE(std::filesystem::exists(html));
}

TEST_F(StoppedBench, ItsTableSaysThatItWasStopped) {
    const Outcome outcome = stop({"--warmup=1"}, 3);
    EXPECT_EQ(outcome.code, 130) << outcome.err;
    EXPECT_NE(outcome.out.find("stopped before all was measured: 1 of 1000"), std::string::npos)
        << outcome.out;
}

TEST_F(StoppedBench, WithoutARoundThereIsNoTable) {
    const std::string result = folder.path("result.json");
    const Outcome outcome = stop({"--warmup=0", "--export-json=" + result}, 1);
    EXPECT_EQ(outcome.code, 130) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_NE(outcome.err.find("stopped"), std::string::npos) << outcome.err;
    EXPECT_FALSE(std::filesystem::exists(result));
}

} // namespace
} // namespace tz::test
