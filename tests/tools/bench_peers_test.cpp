// `tz-bench load --peers` with a script in place of peers.py, whose loaders fail in every way.
#include "support/bench_files.hpp"
#include "support/files.hpp"
#include "support/program.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <fstream>
#include <iterator>
#include <map>
#include <thread>

namespace tz::test {
namespace {

const std::string key = "0123456789abcdef0123456789ABCDEF";

std::string report(std::uint32_t crc32) {
    return "echo '{\"seconds\": [0.5], \"bytes\": " + std::to_string(tensor_bytes + 12) +
           ", \"crc32\": " + std::to_string(crc32) +
           ", \"began\": 1, \"ended\": 2, \"anonymous_bytes\": 1000, \"anonymous_end_bytes\": "
           "5000, \"file_bytes\": 10, \"file_end_bytes\": 40}'";
}

nlohmann::json adapter(const std::string& name) {
    return {
        {"name", name},
        {"importable", name != "absent"},
        {"version", "1.2"},
        {"reads", name == "unmade" ? "pt" : "tensors"},
        {"cache", name == "chilly" ? nlohmann::json("cold") : nlohmann::json(nullptr)},
        {"secret", name == "keyed" ? nlohmann::json("key") : nlohmann::json(nullptr)},
        {"why_not", name == "absent" ? nlohmann::json("no module") : nlohmann::json(nullptr)}};
}

struct BenchPeers : testing::Test {
    Folder folder;
    std::string plain = folder.path("plain.tensors");
    std::string script;

    void SetUp() override {
        write_tensors(plain, tensor_bytes);
        nlohmann::json list{{"peers", nlohmann::json::array()}};
        for (const char* name :
             {"right",
              "wrong",
              "fails",
              "dies",
              "talks",
              "hangs",
              "absent",
              "unmade",
              "keyed",
              "chilly"})
            list["peers"].push_back(adapter(name));
        script = folder.write(
            "peers",
            "echo \"$@\" >>" + folder.path("calls") +
                "\ncase $1,$2 in\n"
                "list,*) echo '" +
                list.dump() +
                "' ;;\n"
                "make,*) echo '{\"files\": {\"tensors\": \"" +
                plain +
                "\"}, \"made\": [\"it\"], \"not_made\": {\"pt\": \"no room\"}}' ;;\n"
                "*,right | *,keyed | *,chilly) echo a warning; " +
                report(contents_crc32()) + " ;;\n*,wrong) " + report(contents_crc32() + 1) +
                " ;;\n"
                "*,fails) exit 3 ;;\n"
                "*,dies) kill -ABRT $$ ;;\n"
                "*,talks) echo nonsense ;;\n"
                "*,hangs) sleep 1000 & echo $! >" +
                folder.path("sleeper") + "; wait ;;\nesac\n");
    }

    Outcome load(const std::string& peers, std::vector<std::string> more) const {
        std::vector<std::string> arguments{
            "load",
            "--peers",
            peers,
            "--python=/bin/sh",
            "--peers-script",
            script,
            "--warm",
            "--runs=1",
            "--warmup=0",
            "--no-fio",
            "--modes=plain",
            "-q"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return run(arguments, {.program = TZ_BENCH_PROGRAM});
    }

    nlohmann::json result(const std::string& peers, std::vector<std::string> more) const {
        more.emplace_back("--json");
        const Outcome outcome = load(peers, std::move(more));
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        return nlohmann::json::parse(outcome.out);
    }

    std::string text_of(const std::string& name) const {
        std::ifstream file(folder.path(name));
        return {std::istreambuf_iterator<char>(file), {}};
    }
};

/// The entries of peers by name.
std::map<std::string, nlohmann::json> peers_of(const nlohmann::json& result) {
    std::map<std::string, nlohmann::json> peers;
    for (const auto& one : result.at("summary").at("entries"))
        if (one.at("role") == "peer")
            peers[one.at("name")] = one;
    return peers;
}

bool gone(const std::string& pid) {
    std::ifstream stat("/proc/" + pid + "/stat");
    std::string number;
    std::string name;
    std::string state;
    return !(stat >> number >> name >> state) || state == "Z" || state == "X";
}

TEST_F(BenchPeers, WhatFailsIsToldByItsKindAndStopsNothing) {
    const auto said = result("right,wrong,fails,dies,talks,absent,unmade", {plain});
    const std::map<std::string, nlohmann::json> kinds{
        {"right", nullptr},
        {"wrong", "wrong_bytes"},
        {"fails", "crashed"},
        {"dies", "crashed"},
        {"talks", "crashed"},
        {"absent", "missing"},
        {"unmade", "missing"}};
    const auto peers = peers_of(said);
    ASSERT_EQ(peers.size(), kinds.size());
    const std::string notes = said.at("summary").at("notes").dump();
    for (const auto& [name, kind] : kinds) {
        EXPECT_EQ(peers.at(name).at("failed"), kind) << name;
        EXPECT_EQ(peers.at(name).at("samples"), kind.is_null() ? 1 : 0) << name;
        if (!kind.is_null())
            EXPECT_NE(
                notes.find(name + " was dropped (" + kind.get<std::string>()), std::string::npos)
                << notes;
    }
    EXPECT_EQ(peers.at("right").at("peer_version"), "1.2");
    EXPECT_EQ(peers.at("right").at("anonymous_peak_bytes_max"), 4000);
    EXPECT_EQ(peers.at("right").at("file_peak_bytes_max"), 30);
    EXPECT_NE(peers.at("absent").at("failure").dump().find("no module"), std::string::npos);
    EXPECT_NE(peers.at("unmade").at("failure").dump().find("no room"), std::string::npos);
    EXPECT_NE(notes.find("made for the peers: it"), std::string::npos) << notes;
}

TEST_F(BenchPeers, WhatHangsIsEndedWithItsChildren) {
    const auto peers = peers_of(result("hangs", {plain, "--peer-timeout=2s"}));
    EXPECT_EQ(peers.at("hangs").at("failed"), "timed_out");
    const std::string pid = text_of("sleeper");
    ASSERT_FALSE(pid.empty());
    for (int i = 0; i < 1000 && !gone(pid.substr(0, pid.find('\n'))); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_TRUE(gone(pid.substr(0, pid.find('\n')))) << pid;
}

TEST_F(BenchPeers, TheTableShowsThemSideBySide) {
    const Outcome outcome = load("right,absent", {plain});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const std::size_t table = outcome.out.find("side by side");
    ASSERT_NE(table, outcome.out.npos) << outcome.out;
    EXPECT_NE(outcome.out.find("right", table), outcome.out.npos) << outcome.out;
    EXPECT_NE(outcome.out.find("tzio, plain", table), outcome.out.npos) << outcome.out;
    EXPECT_LT(outcome.out.find("absent", table), outcome.out.find("missing", table));
}

TEST_F(BenchPeers, AllAreThoseThatCanBeImportedAndSuitTheFile) {
    const auto said = result("all", {plain, "--peer-timeout=2s"});
    const auto peers = peers_of(said);
    EXPECT_TRUE(peers.contains("right"));
    for (const char* name : {"absent", "keyed", "chilly"})
        EXPECT_FALSE(peers.contains(name)) << name;
    const std::string notes = said.at("summary").at("notes").dump();
    EXPECT_NE(notes.find("not compared with absent"), std::string::npos) << notes;
}

TEST_F(BenchPeers, EncryptedFilesGoAsTheyAreToWhoTakesTheirKey) {
    const std::string sealed = folder.path("sealed.tensors");
    const std::string key_file = folder.write("key", key);
    write_tensors(sealed, tensor_bytes, key);
    const auto said = result("right,keyed", {sealed, "--key-file", key_file});
    const auto peers = peers_of(said);
    EXPECT_FALSE(peers.contains("right"));
    EXPECT_EQ(peers.at("keyed").at("samples"), 1);
    const std::string calls = text_of("calls");
    EXPECT_NE(calls.find("load keyed " + sealed + " --key-file " + key_file), calls.npos) << calls;
    EXPECT_EQ(calls.find("make"), calls.npos) << calls;
    EXPECT_NE(said.at("summary").at("notes").dump().find("not compared with right"), calls.npos);
}

TEST_F(BenchPeers, EachSampleTellsWhetherOthersDisturbedIt) {
    const auto said = result("right", {plain});
    for (const auto& run : said.at("runs")) {
        EXPECT_TRUE(run.at("disturbed").is_boolean());
        EXPECT_EQ(run.at("disturbed"), run.at("disturbed_by").is_string());
        EXPECT_GT(run.at("process_seconds"), 0);
        EXPECT_EQ(run.at("left_out"), false) << "there is one sample, and a third of one is none";
    }
}

TEST_F(BenchPeers, AnUnknownOneIsRefusedWithTheNamesThereAre) {
    const Outcome outcome = load("rihgt", {plain});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_NE(outcome.err.find("'rihgt' is not a peer"), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("right, wrong"), std::string::npos) << outcome.err;
}

TEST_F(BenchPeers, WithoutAScriptThatRunsTheErrorSaysWhatToDo) {
    struct Case {
        std::vector<std::string> arguments;
        int code;
        const char* says;
    };

    const std::string nonsense = folder.write("nonsense", "echo 7 seas");
    const Case cases[] = {
        {{plain, "--python=/bin/false"}, 1, "--python"},
        {{plain, "--peers-script=" + folder.path("nowhere")}, 3, "--peers-script"},
        {{plain, "--peers-script=" + nonsense}, 6, "nonsense"},
        {{plain, "--peer-timeout=soon"}, 2, "duration"}};
    for (const Case& one : cases) {
        const Outcome outcome = load("right", one.arguments);
        EXPECT_EQ(outcome.code, one.code) << outcome.err;
        EXPECT_NE(outcome.err.find(one.says), std::string::npos) << outcome.err;
    }
}

} // namespace
} // namespace tz::test
