// `tz fetch` of local files: what there is afterwards, whole or not at all.
#include "support/files.hpp"
#include "support/program.hpp"
#include <tz/format/hash.hpp>
#include <tz/format/sha256.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <span>
#include <sys/stat.h>
#include <unistd.h>

namespace tz::test {
namespace {

using Json = nlohmann::json;

std::string content(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string sha256_of(const std::string& text) {
    return format::hex(format::sha256(std::as_bytes(std::span(text))));
}

struct Fetch : testing::Test {
    Folder folder;
    std::string bytes = std::string(9'000'001, 'x');
    std::string source;
    std::string target = folder.path("target");

    void SetUp() override {
        for (std::size_t i = 0; i < bytes.size(); ++i)
            bytes[i] = static_cast<char>(i * 7 + i / 251);
        source = folder.write("source", bytes, 0644);
    }

    std::set<std::string> names() const {
        std::set<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(folder.path(".")))
            names.insert(entry.path().filename());
        return names;
    }

    // One line on stderr, and no trace in the folder.
    void expect_failure(
        int code, const std::vector<std::string>& arguments, const RunOptions& options = {}) {
        const auto before = names();
        const Outcome outcome = run(arguments, options);
        EXPECT_EQ(outcome.code, code) << outcome.err;
        EXPECT_EQ(outcome.out, "");
        EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
        EXPECT_EQ(names(), before);
    }
};

TEST_F(Fetch, WritesTheSameBytesHoweverTheyAreRead) {
    const std::vector<std::vector<std::string>> ways{
        {},
        {"--direct", "on"},
        {"--io", "threads"},
        {"--chunk-size", "64KiB"},
        {"--concurrency", "1"}};
    for (const auto& way : ways) {
        std::vector<std::string> arguments{"fetch", source, target, "--force"};
        arguments.insert(arguments.end(), way.begin(), way.end());
        const Outcome outcome = run(arguments);
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        EXPECT_TRUE(outcome.out.starts_with("fetched 1 file, 8.6 MiB in ")) << outcome.out;
        EXPECT_EQ(outcome.err, "");
        EXPECT_TRUE(content(target) == bytes);
    }
    EXPECT_EQ(names(), (std::set<std::string>{"source", "target"}));
}

TEST_F(Fetch, TakesAUri) {
    EXPECT_EQ(run({"fetch", "file://" + source, target}).code, 0);
    EXPECT_TRUE(content(target) == bytes);
}

TEST_F(Fetch, TakesSeveralPairs) {
    const std::string other = folder.write("other", "other bytes");
    const std::string empty = folder.write("empty", "");
    const Outcome outcome =
        run({"fetch", source, target, other, folder.path("b"), empty, folder.path("c")});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_TRUE(outcome.out.starts_with("fetched 3 files")) << outcome.out;
    EXPECT_TRUE(content(target) == bytes);
    EXPECT_EQ(content(folder.path("b")), "other bytes");
    EXPECT_TRUE(std::filesystem::exists(folder.path("c")));
    EXPECT_EQ(content(folder.path("c")), "");
}

TEST_F(Fetch, NamesFilesInAFolderAsTheirSources) {
    const std::string inside = folder.path("inside");
    std::filesystem::create_directory(inside);
    EXPECT_EQ(run({"fetch", source, inside}).code, 0);
    EXPECT_TRUE(content(inside + "/source") == bytes);
    EXPECT_EQ(run({"fetch", source, inside + "/"}).code, 2); // it is there now
    expect_failure(3, {"fetch", source, folder.path("absent/")});
    expect_failure(3, {"fetch", source, folder.path("absent/name")});
}

TEST_F(Fetch, ReplacesNothingUnasked) {
    folder.write("target", "precious");
    const Outcome refused = run({"fetch", source, target});
    EXPECT_EQ(refused.code, 2);
    EXPECT_NE(refused.err.find("--force"), refused.err.npos) << refused.err;
    EXPECT_EQ(content(target), "precious");
    EXPECT_EQ(run({"fetch", source, target, "--force"}).code, 0);
    EXPECT_TRUE(content(target) == bytes);
}

TEST_F(Fetch, ReplacesNoDevice) {
    const std::string pipe = folder.path("pipe");
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    expect_failure(2, {"fetch", source, pipe, "--force"});
}

TEST_F(Fetch, GivesTheFileThePermissionsThatTheUmaskLeaves) {
    for (const mode_t mask : {022u, 077u, 002u}) {
        const mode_t before = ::umask(mask);
        EXPECT_EQ(run({"fetch", source, target, "--force"}).code, 0);
        ::umask(before);
        struct stat stat{};
        ASSERT_EQ(::stat(target.c_str(), &stat), 0);
        EXPECT_EQ(stat.st_mode & 07777, 0666 & ~mask);
    }
}

TEST_F(Fetch, ChecksTheSha256) {
    EXPECT_EQ(run({"fetch", source, target, "--sha256", sha256_of(bytes)}).code, 0);
    std::filesystem::remove(target);
    expect_failure(6, {"fetch", source, target, "--sha256", std::string(64, '0')});
    expect_failure(
        6,
        {"fetch",
         source,
         target,
         source,
         folder.path("b"),
         "--sha256",
         sha256_of(bytes),
         "--sha256",
         sha256_of("other")});
}

TEST_F(Fetch, TellsItsStatistics) {
    const Outcome outcome =
        run({"fetch", source, target, "--json", "--sha256", sha256_of(bytes), "--direct", "off"});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const Json json = Json::parse(outcome.out);
    EXPECT_EQ(json["schema"], "tz-fetch/1");
    EXPECT_EQ(json["files"][0]["source"], source);
    EXPECT_EQ(json["files"][0]["file"], target);
    EXPECT_EQ(json["files"][0]["bytes"], bytes.size());
    EXPECT_EQ(json["files"][0]["sha256"], sha256_of(bytes));
    EXPECT_EQ(json["bytes"], bytes.size());
    EXPECT_EQ(json["read_bytes"], bytes.size());
    EXPECT_EQ(json["requests"], 0);
    EXPECT_GT(json["seconds"], 0);
}

TEST_F(Fetch, SaysNothingWhenQuiet) {
    const Outcome outcome = run({"fetch", source, target, "--quiet"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out + outcome.err, "");
}

TEST_F(Fetch, FailsForWhatIsNotThere) {
    expect_failure(3, {"fetch", folder.path("absent"), target});
    expect_failure(3, {"fetch", source, target, folder.path("absent"), folder.path("b")});
}

TEST_F(Fetch, FailsWhereTheFolderCantBeWrittenTo) {
    if (::getuid() != 0)
        GTEST_SKIP() << "only root can become nobody";
    expect_failure(4, {"fetch", source, target}, {.nobody = true});
}

TEST_F(Fetch, FailsWhereAFileMayNotBeSoLarge) {
    expect_failure(7, {"fetch", source, target}, {.file_bytes = 1'000'000});
}

TEST_F(Fetch, AsksForRoomFirst) {
    const std::string sparse = folder.path("sparse");
    const auto room = std::filesystem::space(folder.path(".")).free;
    folder.write("sparse", "");
    std::error_code error;
    std::filesystem::resize_file(sparse, room + (1ull << 30), error);
    if (error)
        GTEST_SKIP() << "no file can be as large: " << error.message();
    expect_failure(7, {"fetch", sparse, target});
    const Outcome outcome = run({"fetch", sparse, target});
    EXPECT_NE(outcome.err.find("bytes are free"), outcome.err.npos) << outcome.err;
}

TEST_F(Fetch, LeavesNothingWhenItIsStopped) {
    const std::string sparse = folder.path("sparse");
    folder.write("sparse", "");
    std::filesystem::resize_file(sparse, 2ull << 30);
    for (const int signal : {SIGINT, SIGTERM}) {
        const auto before = names();
        Program fetch({"fetch", sparse, target, "--chunk-size", "64KiB", "--concurrency", "1"});
        ASSERT_TRUE(fetch.wait_until_it_blocks(signal));
        while (names() == before && fetch.wait_until_it_blocks(signal)) {
        }
        ::kill(fetch.pid(), signal);
        const Outcome outcome = fetch.wait();
        EXPECT_EQ(outcome.code, 130) << outcome.err;
        EXPECT_EQ(outcome.out, "");
        EXPECT_EQ(names(), before);
    }
    expect_failure(5, {"fetch", sparse, target, "--deadline", "5ms"});
}

} // namespace
} // namespace tz::test
