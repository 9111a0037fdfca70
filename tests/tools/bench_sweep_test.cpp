// `tz-bench sweep` and `advise`: what they say and how they end, never how fast anything is.
#include "support/files.hpp"
#include "support/program.hpp"
#include <tz/tests/support/http_server.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <fstream>
#include <iterator>

namespace tz::test {
namespace {

using Json = nlohmann::json;

constexpr std::size_t tensor_bytes = 3'000'000;

struct BenchSweep : testing::Test {
    Folder folder;
    std::string file = folder.path("x.tensors");
    HttpServer server;
    RunOptions options{.program = TZ_BENCH_PROGRAM, .environment = {"no_proxy=*"}};

    void SetUp() override {
        write_tensors(file, tensor_bytes);
        std::ifstream stream(file, std::ios::binary);
        server.put("/m/x.tensors", text_object({std::istreambuf_iterator<char>(stream), {}}));
    }

    Json json_of(std::vector<std::string> arguments) const {
        arguments.insert(arguments.end(), {"--json", "-q"});
        const Outcome outcome = run(arguments, options);
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        return Json::parse(outcome.out);
    }

    std::string url() const { return server.url("/m/x.tensors"); }
};

TEST_F(BenchSweep, MeasuresEachCombinationAsOftenAsAsked) {
    const Json result = json_of(
        {"sweep",
         file,
         "--runs=2",
         "--concurrency=1..4",
         "--chunk-size=256KiB,1MiB",
         "--io=threads",
         "--workers=1,2"});
    EXPECT_EQ(result.at("schema"), "tz-bench-sweep/1");
    EXPECT_GE(result.at("host").at("cores"), 1);
    const Json& sweep = result.at("sweep");
    EXPECT_EQ(sweep.at("concurrency"), (Json{1, 2, 4}));
    EXPECT_EQ(sweep.at("chunk_bytes"), (Json{256 << 10, 1 << 20}));
    ASSERT_EQ(sweep.at("cells").size(), 12u);
    int best = 0;
    int advised = 0;
    for (const Json& cell : sweep.at("cells")) {
        EXPECT_EQ(cell.at("failure"), "");
        EXPECT_EQ(cell.at("io"), "threads");
        ASSERT_EQ(cell.at("samples").size(), 2u);
        for (const Json& sample : cell.at("samples"))
            EXPECT_EQ(sample.at("bytes"), tensor_bytes + 12);
        EXPECT_GT(cell.at("gb_per_s"), 0);
        EXPECT_LE(cell.at("spread").at("min"), cell.at("spread").at("max"));
        best += cell.at("best").get<bool>() ? 1 : 0;
        if (cell.at("advised")) {
            ++advised;
            EXPECT_TRUE(cell.at("within"));
        }
    }
    EXPECT_EQ(best, 1);
    EXPECT_EQ(advised, 1);
    EXPECT_NE(result.at("options").get<std::string>().find("--concurrency"), std::string::npos);
}

TEST_F(BenchSweep, PrintsATableAndTheOptionsToCopy) {
    const std::vector<std::string> arguments{
        "sweep", file, "--runs=1", "--concurrency=2", "--chunk-size=1MiB", "--warm", "-q"};
    const Outcome plain = run(arguments, options);
    ASSERT_EQ(plain.code, 0) << plain.err;
    for (const char* part : {"concurrency", "warm", "use: --concurrency 2 --chunk-size 1MiB\n"})
        EXPECT_NE(plain.out.find(part), std::string::npos) << part << "\n" << plain.out;
    EXPECT_EQ(plain.out.find('\x1b'), std::string::npos) << "this is no terminal";
    RunOptions colours = options;
    colours.environment.emplace_back("CLICOLOR_FORCE=1");
    EXPECT_NE(run(arguments, colours).out.find("\x1b["), std::string::npos);
    colours.environment.emplace_back("NO_COLOR=1");
    EXPECT_EQ(run(arguments, colours).out.find('\x1b'), std::string::npos);
}

TEST_F(BenchSweep, GoesOnPastCellsThatFail) {
    const std::vector<std::string> arguments{
        "sweep", url(), "--runs=2", "--concurrency=1,64", "--chunk-size=1MiB,8MiB"};
    const Json over = json_of(arguments).at("sweep").at("cells");
    EXPECT_EQ(over[2].at("failure"), "");
    EXPECT_NE(over[3].at("failure").get<std::string>().find("--memory-limit"), std::string::npos);
    EXPECT_EQ(over[3].at("gb_per_s"), nullptr);
}

TEST_F(BenchSweep, SaysWhyASampleFailed) {
    // inspecting takes the first requests; what comes then is refused
    const std::size_t before = [this] {
        json_of({"sweep", url(), "--runs=1", "--concurrency=1", "--chunk-size=1MiB"});
        return server.requests().size();
    }();
    const Fault refused{.kind = FaultKind::status, .amount = 403};
    server.add(Rule{.path = "/m/x.tensors", .first = before - 1, .faults = {refused}});
    const Json result = json_of(
        {"sweep", url(), "--runs=2", "--concurrency=1,2", "--chunk-size=1MiB", "--tries=1"});
    int failed = 0;
    for (const Json& cell : result.at("sweep").at("cells"))
        failed += cell.at("failure").get<std::string>().find("403") != std::string::npos ? 1 : 0;
    EXPECT_GE(failed, 1) << result.dump(2);
}

TEST_F(BenchSweep, PassesTheNetworksOptionsOnToItsSamples) {
    RunOptions s3 = options;
    for (const char* more :
         {"HOME=/nonexistent",
          "AWS_EC2_METADATA_DISABLED=true",
          "AWS_CONFIG_FILE=/nonexistent",
          "AWS_SHARED_CREDENTIALS_FILE=/nonexistent",
          "AWS_ACCESS_KEY_ID=AKIDEXAMPLE",
          "AWS_SECRET_ACCESS_KEY=cAnArY7531"})
        s3.environment.emplace_back(more);
    const std::vector<std::string> arguments{
        "sweep",
        "s3://m/x.tensors",
        "--endpoint-url=" + server.url(""),
        "--region=r1",
        "--runs=1",
        "--concurrency=2",
        "--chunk-size=1MiB",
        "-q"};
    const Outcome outcome = run(arguments, s3);
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_NE(outcome.out.find("use: --concurrency 2"), std::string::npos) << outcome.out;
    EXPECT_EQ((outcome.out + outcome.err).find("cAnArY7531"), std::string::npos);
}

TEST_F(BenchSweep, LoadsPartsOfAFile) {
    const std::vector<std::string> sweep{
        "sweep", file, "--runs=1", "--concurrency=1", "--chunk-size=1MiB"};
    const auto loaded = [&](std::vector<std::string> part) {
        part.insert(part.begin(), sweep.begin(), sweep.end());
        const Json result = json_of(part);
        const Json& sample = result.at("sweep").at("cells")[0].at("samples")[0];
        EXPECT_EQ(result.at("source").at("loaded_bytes"), sample.at("bytes"));
        return sample.at("bytes").get<std::size_t>();
    };
    EXPECT_EQ(loaded({"--include=layers.*"}), tensor_bytes);
    EXPECT_EQ(loaded({"--exclude=layers.*"}), 12u);
    EXPECT_EQ(loaded({"--max-bytes=1000000"}), 1'000'000u);
    std::vector<std::string> none = sweep;
    none.emplace_back("--include=nothing");
    EXPECT_EQ(run(none, options).code, 2);
}

TEST_F(BenchSweep, CtrlCEndsItWithWhatWasMeasured) {
    std::vector<std::string> arguments{
        "sweep", file, "--runs=1000", "--concurrency=1..16", "--chunk-size=1MiB", "--json", "-q"};
    Program program(arguments, options);
    ASSERT_TRUE(program.wait_until_it_blocks(SIGINT));
    ::kill(program.pid(), SIGINT);
    const Outcome outcome = program.wait();
    EXPECT_EQ(outcome.code, 130) << outcome.err;
    if (outcome.out.empty()) // it was still looking at the file
        return;
    const Json result = Json::parse(outcome.out);
    EXPECT_TRUE(result.at("stopped"));
    EXPECT_EQ(result.at("sweep").at("cells").size(), 5u);
}

TEST_F(BenchSweep, RefusesListsThatMakeNoSense) {
    for (const char* option :
         {"--concurrency=0", "--concurrency=8..1", "--chunk-size=1", "--io=disk", "--mode=fast"})
        EXPECT_EQ(run({"sweep", file, option}, options).code, 2) << option;
    EXPECT_EQ(run({"sweep", folder.path("absent")}, options).code, 3);
    const Outcome letters = run({"sweep", file, "--concurrency=1..a"}, options);
    EXPECT_NE(letters.err.find("--concurrency: 'a' is no number"), std::string::npos)
        << letters.err;
    const Outcome unit = run({"sweep", file, "--workers=1K"}, options);
    EXPECT_NE(unit.err.find("--workers: '1K' is no number"), std::string::npos) << unit.err;
}

TEST_F(BenchSweep, AdvisesForFilesAndServers) {
    for (const std::string& source : {file, url()}) {
        const Json result = json_of({"advise", source, "--seconds=10"});
        EXPECT_EQ(result.at("schema"), "tz-bench-advice/1");
        EXPECT_EQ(result.at("stopped"), false);
        EXPECT_GT(result.at("first_byte_seconds"), 0);
        EXPECT_EQ(result.at("checks").size(), 2u) << "CRC-32 and SHA-256";
        EXPECT_TRUE(result.at("options").is_string());
        EXPECT_GE(result.at("reasons").size(), 4u);
        bool automatic = false;
        for (const Json& cell : result.at("cells"))
            automatic = automatic || (cell.at("concurrency") == 0 && cell.at("chunk_bytes") == 0);
        EXPECT_TRUE(automatic) << "the defaults are always among what is compared";
        if (source == file)
            for (const Json& cell : result.at("cells"))
                EXPECT_FALSE(cell.at("concurrency") == 16 && cell.at("chunk_bytes") == 4 << 20)
                    << "of files they are this, under another name";
    }
}

TEST_F(BenchSweep, AdvisesFromWithinASweepAndTellsNoSecret) {
    const std::string secret = "cAnArY7531";
    const Outcome outcome = run(
        {"sweep", url() + "?X-Amz-Signature=" + secret, "--advise", "--seconds=4", "-q"}, options);
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_NE(outcome.out.find("\nuse: "), std::string::npos) << outcome.out;
    EXPECT_EQ((outcome.out + outcome.err).find(secret), std::string::npos) << outcome.out;
}

TEST_F(BenchSweep, AdviceTakesNoLongerThanItMay) {
    const Outcome outcome = run({"advise", file, "--seconds=1ms"}, options);
    EXPECT_EQ(outcome.code, 5) << outcome.out;
    EXPECT_NE(outcome.err.find("--seconds"), std::string::npos) << outcome.err;
}

} // namespace
} // namespace tz::test
