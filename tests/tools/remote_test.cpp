// The commands of `tz` and a server: what they print, how they end, and that they tell no secret.
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
#include <span>
#include <thread>

namespace tz::test {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

const std::string canary = "cAnArY7531";

std::string content(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

Object object_of(const std::string& path) {
    const std::string text = content(path);
    const auto bytes = std::as_bytes(std::span(text));
    return held_object({bytes.begin(), bytes.end()});
}

struct Remote : testing::Test {
    Folder folder;
    std::string file = folder.path("x.tensors");
    HttpServer server;
    // nothing of the machine's own settings gets in
    RunOptions options{
        .environment = {
            "HOME=/nonexistent",
            "AWS_EC2_METADATA_DISABLED=true",
            "AWS_CONFIG_FILE=/nonexistent",
            "AWS_SHARED_CREDENTIALS_FILE=/nonexistent",
            "no_proxy=*"}};

    void SetUp() override {
        write_tensors(file, 3'000'000);
        server.put("/m/x.tensors", object_of(file));
    }

    std::string url(const std::string& query = "") const {
        return server.url("/m/x.tensors") + query;
    }

    RunOptions with(std::vector<std::string> environment) const {
        RunOptions more = options;
        more.environment.insert(more.environment.end(), environment.begin(), environment.end());
        return more;
    }

    Outcome go(const std::vector<std::string>& arguments) const { return run(arguments, options); }

    void expect_failure(int code, std::vector<std::string> arguments) const {
        const std::vector<std::string> brisk{
            "--tries",
            "2",
            "--connect-timeout",
            "2s",
            "--first-byte-timeout",
            "300ms",
            "--stall-time",
            "300ms"};
        arguments.insert(arguments.end(), brisk.begin(), brisk.end());
        const Outcome outcome = go(arguments);
        EXPECT_EQ(outcome.code, code) << outcome.err;
        EXPECT_EQ(outcome.out, "");
        EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    }

    void fault(const Fault& fault, std::uint64_t first = 0) {
        server.add(Rule{.path = "/m/x.tensors", .first = first, .faults = {fault}});
    }
};

TEST_F(Remote, EachCommandTakesAUrl) {
    for (const char* command : {"inspect", "verify", "checksum"}) {
        const Outcome local = go({command, file});
        const Outcome remote = go({command, url()});
        EXPECT_EQ(remote.code, 0) << remote.err;
        EXPECT_EQ(remote.err, "");
        if (std::string(command) == "verify")
            EXPECT_TRUE(remote.out.starts_with(url() + ": OK (")) << remote.out;
        else
            EXPECT_EQ(remote.out, local.out);
    }
}

TEST_F(Remote, LoadTellsRequestsAndConnections) {
    const Outcome text = go({"load", url()});
    EXPECT_EQ(text.code, 0) << text.err;
    EXPECT_NE(text.out.find("requests on "), text.out.npos) << text.out;
    EXPECT_EQ(go({"load", file}).out.find("request"), text.out.npos);
    const Outcome json = go({"load", url(), "--json"});
    const Json facts = Json::parse(json.out);
    EXPECT_EQ(facts["file"], url());
    EXPECT_GE(facts["requests"], 2);
    EXPECT_GE(facts["connections"], 1);
    EXPECT_EQ(facts["throttles"], 0);
    EXPECT_EQ(facts["hedged"], 0);
    EXPECT_EQ(facts["hedges_won"], 0);
    EXPECT_TRUE(facts["gap_bytes"].is_number_unsigned());
}

TEST_F(Remote, LoadTellsRequestsThatWereSentTwice) {
    const Fault silent{.kind = FaultKind::no_answer, .time = std::chrono::seconds(60)};
    for (const bool json : {false, true}) {
        server.clear_rules();
        server.add(Rule{.path = "/m/x.tensors", .first = 1, .last = 1, .faults = {silent}});
        std::vector<std::string> arguments{"load", url(), "--hedge", "--first-byte-timeout", "60s"};
        if (json)
            arguments.emplace_back("--json");
        const Outcome outcome = go(arguments);
        ASSERT_EQ(outcome.code, 0) << outcome.err;
        if (json)
            EXPECT_EQ(Json::parse(outcome.out)["hedges_won"], 1);
        else
            EXPECT_NE(outcome.out.find(", 1 sent twice (1 answered sooner)"), outcome.out.npos)
                << outcome.out;
    }
}

TEST_F(Remote, LoadsFilesAndUrlsTogether) {
    const Outcome outcome = go({"load", file, url(), "file://" + file, "--json"});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(Json::parse(outcome.out)["tensors"], 6);
    EXPECT_EQ(Json::parse(outcome.out)["files"].size(), 3u);
}

TEST_F(Remote, S3TakesEndpointAndCredentials) {
    const std::string secret = "AWS_SECRET_ACCESS_KEY=" + canary;
    const Outcome outcome =
        run({"load", "s3://m/x.tensors", "--endpoint-url", server.url(""), "--region", "r1", "-vv"},
            with({"AWS_ACCESS_KEY_ID=AKIDEXAMPLE", secret}));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ((outcome.out + outcome.err).find(canary), outcome.err.npos);
    ASSERT_FALSE(server.requests().empty());
    const std::string signed_by = server.requests().front().authorization();
    EXPECT_NE(signed_by.find("AKIDEXAMPLE/"), signed_by.npos) << signed_by;
    EXPECT_NE(signed_by.find("/r1/s3/aws4_request"), signed_by.npos) << signed_by;
    const Outcome anonymous =
        run({"load", "s3://m/x.tensors", "--no-sign-request"},
            with({"TZ_ENDPOINT_URL=" + server.url(""), "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", secret}));
    EXPECT_EQ(anonymous.code, 0) << anonymous.err;
    EXPECT_EQ(server.requests().back().authorization(), "");
}

TEST_F(Remote, EndsWithTheCodeOfTheFault) {
    for (const char* command : {"load", "inspect", "verify", "checksum"})
        expect_failure(3, {command, server.url("/m/absent")});
    expect_failure(3, {"fetch", server.url("/m/absent"), folder.path("t")});
    server.clear_rules();
    fault({.kind = FaultKind::status, .amount = 403});
    expect_failure(4, {"load", url()});
    expect_failure(4, {"fetch", url(), folder.path("t")});
    server.clear_rules();
    fault({.kind = FaultKind::status, .amount = 503});
    expect_failure(5, {"load", url()});
    server.clear_rules();
    fault({.kind = FaultKind::no_answer});
    expect_failure(5, {"load", url()});
    server.clear_rules();
    fault({.kind = FaultKind::stall_after, .at = 1000});
    expect_failure(5, {"load", url()});
    expect_failure(5, {"fetch", url(), folder.path("t")});
    server.clear_rules();
    fault({.kind = FaultKind::flip, .at = 1'000'000}, 1); // not of the index
    expect_failure(6, {"load", url(), "--chunk-size", "8MiB"});
    server.clear_rules();
    server.refuse();
    expect_failure(5, {"load", url()});
    expect_failure(5, {"fetch", url(), folder.path("t")});
    EXPECT_FALSE(std::filesystem::exists(folder.path("t")));
}

TEST_F(Remote, NamesNoByteWhereNothingCame) {
    const auto error_of = [&](const std::string& address) { return go({"load", address}).err; };
    EXPECT_EQ(error_of(server.url("/m/absent")).find("at byte"), std::string::npos);
    EXPECT_EQ(error_of("http://no-such-host.invalid/x").find("at byte"), std::string::npos);
    server.refuse();
    EXPECT_EQ(error_of(url()).find("at byte"), std::string::npos);
}

TEST_F(Remote, EndsWithWrongUsage) {
    const std::vector<std::vector<std::string>> table{
        {"load", "gopher://host/file"},
        {"load", "http:///file"},
        {"load", "s3://bucket"},
        {"load", "https://localhost:1/x", "--ca-file", "/dev/null"},
        {"load", "s3://m/x", "--endpoint-url", "://"}};
    for (const auto& arguments : table)
        expect_failure(2, arguments);
}

TEST_F(Remote, SaysWhichFileOfTlsIsNotThere) {
    const std::string missing = folder.path("no.pem");
    const Outcome outcome = go({"load", "https://localhost:1/x", "--ca-file", missing});
    EXPECT_EQ(outcome.code, 3);
    EXPECT_EQ(outcome.err, "tz: " + missing + ": No such file or directory; check --ca-file\n");
}

TEST_F(Remote, FetchWritesWhatIsThere) {
    server.put("/m/large", generated_object(40'000'000));
    server.put("/m/empty", generated_object(0));
    const std::string large = folder.path("large");
    const Outcome outcome =
        go({"fetch",
            url(),
            folder.path("."),
            "--force",
            server.url("/m/large"),
            large,
            server.url("/m/empty"),
            folder.path("empty")});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_NE(outcome.out.find(" on "), outcome.out.npos) << outcome.out;
    const std::string got = content(large);
    const auto expected = server.object("/m/large")->all();
    EXPECT_TRUE(std::ranges::equal(std::as_bytes(std::span(got)), expected));
    EXPECT_TRUE(std::filesystem::exists(folder.path("empty")));
    EXPECT_EQ(content(folder.path("empty")), "");
}

TEST_F(Remote, FetchMixesNoVersions) {
    server.put("/m/large", generated_object(40'000'000));
    server.add(Rule{.path = "/m/large", .first = 2, .faults = {{.kind = FaultKind::replace}}});
    expect_failure(5, {"fetch", server.url("/m/large"), folder.path("large")});
    EXPECT_FALSE(std::filesystem::exists(folder.path("large")));
}

TEST_F(Remote, FetchChecksWhatTheServerTells) {
    Object object = text_object("123456789");
    object.fields = {{"X-Goog-Hash", "md5=JfnnlDI7RTiF9RgfG2JNCw=="}};
    server.put("/m/small", object);
    EXPECT_EQ(go({"fetch", server.url("/m/small"), folder.path("small")}).code, 0);
    object.fields = {{"X-Goog-Hash", "crc32c=4waShw=="}};
    server.put("/m/other", object);
    const Outcome outcome = go({"fetch", server.url("/m/other"), folder.path("other")});
    EXPECT_EQ(outcome.code, 6);
    EXPECT_NE(
        outcome.err.find("its CRC-32C is e3069283 and not e3069287, as " + server.url("", "")),
        outcome.err.npos)
        << outcome.err;
    expect_failure(6, {"fetch", server.url("/m/other"), folder.path("other")});
    EXPECT_FALSE(std::filesystem::exists(folder.path("other")));
}

TEST_F(Remote, LoadTellsWhatCameDamaged) {
    server.add(Rule{
        .path = "/m/x.tensors",
        .first = 1,
        .last = 1,
        .faults = {{.kind = FaultKind::flip, .at = 2'000'000}}});
    const Outcome mended = go({"load", url(), "--json", "--concurrency", "1"});
    EXPECT_EQ(mended.code, 0) << mended.err;
    EXPECT_EQ(Json::parse(mended.out)["refetched"], 1);
    EXPECT_NE(mended.err.find("came damaged"), mended.err.npos) << mended.err;
}

TEST_F(Remote, FetchLeavesNothingWhenItIsStopped) {
    server.put("/m/large", generated_object(1ull << 33));
    const std::string inside = folder.path("inside");
    std::filesystem::create_directory(inside);
    Program fetch({"fetch", server.url("/m/large"), inside}, options);
    ASSERT_TRUE(fetch.wait_until_it_blocks(SIGINT));
    while (server.counts().requests < 3)
        std::this_thread::sleep_for(1ms);
    ::kill(fetch.pid(), SIGINT);
    EXPECT_EQ(fetch.wait().code, 130);
    EXPECT_TRUE(std::filesystem::is_empty(inside));
}

TEST_F(Remote, TellsNoSecretOfAUrl) {
    const std::string secret = "?X-Amz-Signature=" + canary + "&X-Amz-Credential=" + canary;
    const std::vector<std::vector<std::string>> table{
        {"load", url(secret), "-vv"},
        {"load", url(secret), "--json"},
        {"inspect", url(secret), "--json"},
        {"verify", url(secret)},
        {"verify", url(secret), "--json"},
        {"checksum", url(secret), "--json"},
        {"fetch", url(secret), folder.path("t"), "--json"},
        {"load", server.url("/m/absent") + secret},
        {"fetch", server.url("/m/absent") + secret, folder.path("t")},
        {"fetch", server.url("/m/") + secret, folder.path(".")},
        {"inspect", url(secret), url(secret)}, // too many
        {"load", "--bogus=" + url(secret)},
        {"load", "gopher://u:" + canary + "@host/file" + secret}};
    for (const auto& arguments : table) {
        const Outcome outcome = go(arguments);
        const std::string all = outcome.out + outcome.err;
        EXPECT_EQ(all.find(canary), all.npos) << testing::PrintToString(arguments) << all;
        EXPECT_NE(all, "");
    }
}

TEST_F(Remote, KeepsCredentialsOutOfItsArgumentsAndOutput) {
    fault({.kind = FaultKind::no_answer});
    Program load(
        {"load", "s3://m/x.tensors", "-vv", "--first-byte-timeout", "500ms", "--tries", "1"},
        with(
            {"TZ_ENDPOINT_URL=" + server.url(""),
             "AWS_ACCESS_KEY_ID=AKIDEXAMPLE",
             "AWS_SECRET_ACCESS_KEY=" + canary,
             "AWS_SESSION_TOKEN=token" + canary}));
    while (server.counts().requests < 1)
        std::this_thread::sleep_for(1ms);
    const std::string arguments = content("/proc/" + std::to_string(load.pid()) + "/cmdline");
    EXPECT_NE(arguments.find("s3://m/x.tensors"), arguments.npos);
    EXPECT_EQ(arguments.find(canary), arguments.npos);
    const Outcome outcome = load.wait();
    EXPECT_EQ(outcome.code, 5) << outcome.err;
    EXPECT_EQ((outcome.out + outcome.err).find(canary), outcome.err.npos);
}

TEST_F(Remote, TrustsTheAuthorityThatIsNamed) {
    HttpServer tls({.tls = TlsOptions{}});
    tls.put("/x.tensors", object_of(file));
    const std::string authority = folder.path("ca.pem");
    write_pem(authority, test_ca().pem());
    expect_failure(5, {"load", tls.url("/x.tensors")});
    EXPECT_EQ(go({"load", tls.url("/x.tensors"), "--ca-file", authority}).code, 0);
    const Outcome insecure = go({"load", tls.url("/x.tensors"), "--insecure"});
    EXPECT_EQ(insecure.code, 0);
    EXPECT_NE(insecure.err.find("warning: "), insecure.err.npos);
}

} // namespace
} // namespace tz::test
