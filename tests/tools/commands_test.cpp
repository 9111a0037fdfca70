// What the commands of `tz` write.
#include "support/files.hpp"
#include "support/program.hpp"
#include <tz/format/hash.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <span>
#include <unistd.h>

namespace tz::test {
namespace {

using Json = nlohmann::json;

constexpr std::size_t tensor_bytes = 3'000'000;
const std::string key = "0123456789abcdef0123456789ABCDEF";
const std::string key_hex = "3031323334353637383961626364656630313233343536373839414243444546";

struct Commands : testing::Test {
    Folder folder;
    std::string file = folder.path("x.tensors");
    std::string sealed = folder.path("sealed.tensors");
    std::string key_file = folder.write("key", key);

    void SetUp() override {
        write_tensors(file, tensor_bytes);
        write_tensors(sealed, tensor_bytes, key);
    }

    // The one object on stdout of a run that must succeed.
    Json json(std::vector<std::string> arguments, const RunOptions& options = {}) {
        arguments.push_back("--json");
        const Outcome outcome = run(arguments, options);
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        EXPECT_EQ(outcome.err, "");
        EXPECT_TRUE(outcome.out.starts_with("{\n  \"schema\"")) << outcome.out;
        return Json::parse(outcome.out);
    }

    std::string text(const std::vector<std::string>& arguments, const RunOptions& options = {}) {
        const Outcome outcome = run(arguments, options);
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        return outcome.out;
    }
};

TEST_F(Commands, LoadTellsItsStatistics) {
    const Json facts = json({"load", file});
    EXPECT_EQ(facts["schema"], "tz-load/1");
    EXPECT_EQ(facts["version"], "0.1.0");
    EXPECT_EQ(facts["file"], file);
    EXPECT_EQ(facts["bytes"], tensor_bytes + 12);
    EXPECT_EQ(facts["tensors"], 2);
    for (const char* name :
         {"bytes",
          "tensors",
          "peak_rss_bytes",
          "staging_bytes",
          "direct_bytes",
          "read_bytes",
          "retries",
          "loops",
          "workers",
          "concurrency",
          "chunk_bytes"})
        EXPECT_TRUE(facts[name].is_number_unsigned()) << name;
    for (const char* name : {"seconds", "gb_per_s", "cpu_seconds", "loop_cpu_seconds"})
        EXPECT_TRUE(facts[name].is_number_float()) << name;
    EXPECT_GT(facts["peak_rss_bytes"], tensor_bytes);
    EXPECT_NEAR(
        facts["gb_per_s"].get<double>() * facts["seconds"].get<double>() * 1e9,
        tensor_bytes + 12,
        1);
}

TEST_F(Commands, LoadTakesItsOptions) {
    const Json facts =
        json({"load",       file,  "--memory",     "none", "--io",           "threads",
              "--direct",   "off", "--chunk-size", "1MiB", "--concurrency",  "3",
              "--loops",    "2",   "--workers",    "1",    "--memory-limit", "64MiB",
              "--deadline", "1m",  "--verify",     "all"});
    EXPECT_EQ(facts["memory"], "none");
    EXPECT_EQ(facts["io"], "threads");
    EXPECT_EQ(facts["direct_bytes"], 0);
    EXPECT_EQ(facts["chunk_bytes"], 1 << 20);
    EXPECT_EQ(facts["concurrency"], 3);
    EXPECT_EQ(facts["loops"], 2);
    EXPECT_EQ(facts["workers"], 1);
}

TEST_F(Commands, OptionsComeFromTheEnvironmentToo) {
    const RunOptions options{
        .environment = {"TZ_IO=threads", "TZ_CHUNK_SIZE=2MiB", "TZ_JSON=1", "TZ_KEY_FILE="}};
    const Json facts = Json::parse(text({"load", file, "--chunk-size", "1MiB"}, options));
    EXPECT_EQ(facts["io"], "threads");
    EXPECT_EQ(facts["chunk_bytes"], 1 << 20); // the command line wins
    EXPECT_EQ(run({"load", file}, {.environment = {"TZ_IO=bogus"}}).code, 2);
    EXPECT_EQ(run({"info"}, {.environment = {"TZ_IO=bogus"}}).code, 0); // takes no such option
}

TEST_F(Commands, TheLastOfRepeatedOptionsHolds) {
    EXPECT_EQ(json({"load", file, "--io", "bogus", "--io", "threads"})["io"], "threads");
}

TEST_F(Commands, LoadTellsPeopleHowFastItWasAndWhatBoundIt) {
    const std::string lines = text({"load", file, "--io", "threads", "--direct", "off"});
    EXPECT_TRUE(lines.starts_with("loaded 2 tensors, 2.9 MiB in ")) << lines;
    EXPECT_NE(lines.find(" GB/s (threads, direct 0 %)\nbound by the "), std::string::npos) << lines;
    EXPECT_NE(lines.find(" % of its ceiling of "), std::string::npos) << lines;
}

TEST_F(Commands, LoadTellsWhatEachStageTook) {
    const Json facts = json({"load", file, "--verify", "crc32", "--direct", "off"});
    for (const char* stage : {"read", "wait", "verify", "decrypt", "copy"})
        for (const char* fact : {"bytes", "cpu_seconds", "wait_seconds"})
            EXPECT_TRUE(facts["stages"][stage][fact].is_number()) << stage << " " << fact;
    EXPECT_EQ(facts["stages"]["verify"]["bytes"], tensor_bytes + 12);
    EXPECT_EQ(facts["stages"]["decrypt"]["bytes"], 0);
    EXPECT_GT(facts["ceiling_share"], 0);
    EXPECT_LE(facts["ceiling_share"], 1);
    const std::set<std::string> bounds{"source", "cores"};
    EXPECT_TRUE(bounds.contains(facts["bound"].get<std::string>()));
}

TEST_F(Commands, LoadMapsWhatTheFileAligns) {
    const Json facts = json({"load", file, "--memory", "mapped"});
    EXPECT_EQ(facts["memory"], "mapped");
    EXPECT_EQ(facts["mapped_bytes"], tensor_bytes + 12);
}

TEST_F(Commands, TakeOnlyWhatIsIncludedAndNotExcluded) {
    EXPECT_EQ(json({"load", file, "--include", "layers.*"})["tensors"], 1);
    EXPECT_EQ(json({"load", file, "--exclude", "layers.*"})["bytes"], 12);
    EXPECT_EQ(json({"verify", file, "--include", "layers.*"})["bytes"], tensor_bytes);
    const Json sums = json({"checksum", file, "--include", "*.weight"});
    ASSERT_EQ(sums["tensors"].size(), 1u);
    EXPECT_EQ(sums["tensors"][0], json({"checksum", file})["tensors"][0]);
    EXPECT_LT(json({"load", file, "--exclude", "layers.*"})["read_bytes"], 300'000);
}

TEST_F(Commands, LoadAndVerifySeveralFilesAsOne) {
    const std::string other = folder.path("other.tensors");
    write_tensors(other, 1000);
    const Json facts = json({"load", file, other});
    EXPECT_EQ(facts["files"], Json({file, other}));
    EXPECT_EQ(facts["tensors"], 4);
    EXPECT_EQ(facts["bytes"], tensor_bytes + 1000 + 24);
    EXPECT_EQ(
        text({"verify", file, other}),
        file + ": OK (2 tensors, 2.9 MiB, crc32+sha256)\n" + other +
            ": OK (2 tensors, 1012 B, crc32+sha256)\n");
    EXPECT_EQ(json({"verify", file, other})["files"].size(), 2u);
    damage(other, 1000);
    const Outcome outcome = run({"verify", file, other});
    EXPECT_EQ(outcome.code, 6);
    EXPECT_NE(outcome.err.find(other + ": "), std::string::npos) << outcome.err;
}

TEST_F(Commands, QuietWritesNothing) {
    std::filesystem::permissions(key_file, std::filesystem::perms(0644));
    for (const char* command : {"load", "verify"}) {
        const Outcome outcome = run({command, "-q", sealed, "--key-file", key_file});
        EXPECT_EQ(outcome.code, 0);
        EXPECT_EQ(outcome.out + outcome.err, "");
    }
}

TEST_F(Commands, VerifyTellsWhatItChecked) {
    EXPECT_EQ(text({"verify", file}), file + ": OK (2 tensors, 2.9 MiB, crc32+sha256)\n");
    EXPECT_EQ(
        text({"verify", file, "--verify", "crc32"}), file + ": OK (2 tensors, 2.9 MiB, crc32)\n");
    EXPECT_EQ(
        text({"verify", file, "--verify", "none"}),
        file + ": OK (2 tensors, 2.9 MiB, no hash checked)\n");
    EXPECT_EQ(
        text({"verify", sealed, "--key-file", key_file}),
        sealed + ": OK (2 tensors, 2.9 MiB, sha256+mac)\n");
    const Json facts = json({"verify", file});
    EXPECT_EQ(facts["schema"], "tz-verify/1");
    EXPECT_EQ(facts["ok"], true);
    EXPECT_EQ(facts["checked"], Json({"crc32", "sha256"}));
}

TEST_F(Commands, ChecksumIsThatOfThePlaintext) {
    std::string data(tensor_bytes, '\0');
    for (std::size_t i = 0; i < data.size(); ++i)
        data[i] = static_cast<char>(i * 7 + i / 251);
    const auto hex = [](const std::string& bytes) {
        return format::hex(format::sha256(std::as_bytes(std::span(bytes))));
    };
    const std::string lines =
        hex(data) + "  layers.0.weight\n\\" + hex(std::string(12, '\1')) + "  a\\\\b\\nc\n";
    const std::string all = lines + hex(lines) + "  -\n";
    EXPECT_EQ(text({"checksum", file}), all);
    EXPECT_EQ(text({"checksum", sealed, "--key-file", key_file}), all);
    const Json facts = json({"checksum", file});
    EXPECT_EQ(facts["schema"], "tz-checksum/1");
    EXPECT_EQ(facts["sha256"], hex(lines));
    EXPECT_EQ(facts["tensors"][0]["sha256"], hex(data));
}

TEST_F(Commands, ChecksumAgreesWithTheGoldenFiles) {
    unsigned files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(TZ_GOLDEN)) {
        std::filesystem::path path = entry.path();
        if (path.extension() != ".tensors")
            continue;
        SCOPED_TRACE(path);
        std::vector<std::string> arguments{"checksum", "-q", path.string()};
        const std::string stem = path.stem().string();
        if (stem.ends_with("_key"))
            arguments.insert(arguments.end(), {"--key-file", TZ_GOLDEN "/key.hex"});
        if (stem.ends_with("_password"))
            arguments.insert(arguments.end(), {"--password-file", TZ_GOLDEN "/password.txt"});
        std::ifstream golden(path.replace_extension(".sha256"));
        EXPECT_EQ(text(arguments), std::string(std::istreambuf_iterator<char>(golden), {}));
        ++files;
    }
    EXPECT_GE(files, 14u);
}

TEST_F(Commands, InspectNeedsNoKey) {
    const Json facts = json({"inspect", sealed});
    EXPECT_EQ(facts["schema"], "tz-inspect/1");
    EXPECT_EQ(facts["encrypted"], true);
    EXPECT_EQ(facts["key_derivation"], Json());
    EXPECT_EQ(facts["tensors"][0]["seal"]["piece_bytes"], 1 << 21);
    EXPECT_EQ(facts["tensors"][0]["seal"]["pieces"], 2);
    EXPECT_EQ(facts["tensors"][0]["crc32"], Json());
    EXPECT_TRUE(text({"inspect", sealed}).ends_with("2 tensors, 2.9 MiB, encrypted with a key\n"));
}

TEST_F(Commands, InspectTellsTheCostOfAPassword) {
    write_costly_password(file); // which inspecting does not pay
    const Json facts = json({"inspect", file});
    EXPECT_EQ(facts["key_derivation"]["passes"], 1 << 20);
    EXPECT_EQ(facts["key_derivation"]["memory_bytes"], 1ull << 40);
    EXPECT_NE(
        text({"inspect", file})
            .find("encrypted with a password (Argon2id, 1048576 passes over 1.0 TiB)"),
        std::string::npos);
}

TEST_F(Commands, InspectTellsWhereEverythingIs) {
    const Json tensors = json({"inspect", file})["tensors"];
    ASSERT_EQ(tensors.size(), 2u);
    EXPECT_EQ(tensors[0]["name"], "layers.0.weight");
    EXPECT_EQ(tensors[0]["path"], Json({"layers.0.weight"}));
    EXPECT_EQ(tensors[0]["dtype"], "uint8");
    EXPECT_EQ(tensors[0]["shape"], Json({tensor_bytes}));
    EXPECT_EQ(tensors[0]["data_bytes"], tensor_bytes);
    EXPECT_EQ(tensors[0]["data_offset"].get<std::size_t>() % 4096, 0u);
    EXPECT_EQ(tensors[0]["crc32"].get<std::string>().size(), 8u);
    EXPECT_EQ(tensors[0]["sha256"].get<std::string>().size(), 64u);
    EXPECT_EQ(tensors[1]["path"], Json({"a\\b\nc"}));
    EXPECT_EQ(tensors[1]["shape"], Json({3, 1}));
}

TEST_F(Commands, InspectSelectsByPattern) {
    const auto names = [&](std::vector<std::string> options) {
        options.insert(options.begin(), {"inspect", file});
        std::set<std::string> all;
        const Json facts = json(options);
        for (const Json& tensor : facts["tensors"])
            all.insert(tensor["path"][0]);
        return all;
    };
    const std::string weight = "layers.0.weight";
    const std::string other = "a\\b\nc";
    EXPECT_EQ(names({}), (std::set{weight, other}));
    EXPECT_EQ(names({"--include", "*.weight"}), std::set{weight});
    EXPECT_EQ(names({"--include", "layers.*", "--exclude", "*"}), std::set<std::string>{});
    EXPECT_EQ(names({"--include", "*weight", "--include", "a*"}), (std::set{weight, other}));
    EXPECT_EQ(names({"--exclude", "layers.*"}), std::set{other});
    EXPECT_NE(text({"inspect", file, "--include", "a*"}).find("1 of 2 tensors"), std::string::npos);
}

TEST_F(Commands, RefusePatternsThatMatchNoTensor) {
    const std::vector<std::vector<std::string>> commands{
        {"inspect", file},
        {"load", file},
        {"verify", file},
        {"checksum", file},
        {"convert", file, folder.path("part.tensors")}};
    for (std::vector<std::string> command : commands) {
        command.insert(command.end(), {"--include", "*.weight", "--include", "typo.*"});
        const Outcome outcome = run(command);
        EXPECT_EQ(outcome.code, 2) << command.front();
        EXPECT_EQ(outcome.out, "");
        EXPECT_EQ(
            outcome.err,
            "tz: " + file +
                ": no tensor matches the pattern 'typo.*'; `tz inspect` lists the names\n");
    }
    EXPECT_FALSE(std::filesystem::exists(folder.path("part.tensors")));
    const Outcome several = run({"load", file, file, "--include", "typo.*"});
    EXPECT_EQ(several.code, 2) << several.err;
}

TEST_F(Commands, VerifyLooksAtAllFilesWhateverFails) {
    const std::string bad = folder.path("bad.tensors");
    const std::string absent = folder.path("absent.tensors");
    write_tensors(bad, tensor_bytes);
    damage(bad, tensor_bytes);
    const Outcome outcome = run({"verify", file, bad, absent, file});
    EXPECT_EQ(outcome.code, 6) << outcome.err;
    EXPECT_EQ(std::ranges::count(outcome.out, '\n'), 2) << outcome.out;
    EXPECT_TRUE(outcome.out.starts_with(file + ": OK (")) << outcome.out;
    EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 2) << outcome.err;
    EXPECT_NE(outcome.err.find("tz: " + bad + ": "), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("tz: " + absent + ": "), std::string::npos) << outcome.err;

    const Outcome other = run({"verify", absent, bad, file, "--json"});
    EXPECT_EQ(other.code, 3) << other.err;
    const Json json = Json::parse(other.out);
    EXPECT_EQ(json["ok"], false);
    EXPECT_TRUE(json["files"][0].contains("error"));
    EXPECT_TRUE(json["files"][1].contains("error"));
    EXPECT_EQ(json["files"][2]["tensors"], 2);
}

TEST_F(Commands, InspectKeepsTerminalsSafe) {
    const std::string table = text({"inspect", file});
    EXPECT_NE(table.find("a\\b\\x0ac"), std::string::npos) << table;
}

TEST_F(Commands, NeverTellSecrets) {
    const std::string password = folder.write("password", "correct horse battery");
    const std::string hex = folder.write("hex", key_hex + "\n", 0644);
    const std::string broken = folder.write("broken", key_hex.substr(1));
    const std::string wrong = folder.write("wrong", key_hex.substr(0, 62) + "00");
    const std::vector<std::vector<std::string>> table{
        {"load", sealed, "--key-file", hex},
        {"load", sealed, "--key-file", hex, "--json"},
        {"checksum", sealed, "--key-file", hex, "-v"},
        {"verify", sealed, "--key-file", wrong},
        {"load", sealed, "--key-file", broken},
        {"load", sealed, "--password-file", password},
        {"load", file, "--password-file", password}};
    for (std::vector<std::string> arguments : table) {
        SCOPED_TRACE(testing::PrintToString(arguments));
        arguments.insert(arguments.end(), {"--log-level", "debug", "-vv"});
        const Outcome outcome = run(arguments);
        const std::string all = outcome.out + outcome.err;
        for (const std::string& secret : {key, key_hex.substr(1, 40), std::string("horse")})
            EXPECT_EQ(all.find(secret), all.npos) << all;
    }
}

TEST_F(Commands, WarnOfAKeyThatOthersCanRead) {
    std::filesystem::permissions(key_file, std::filesystem::perms(0644));
    const Outcome outcome = run({"verify", sealed, "--key-file", key_file});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_TRUE(outcome.err.starts_with("tz: warning: " + key_file + ": others can read"));
}

// A process that may not be dumped loses some rights in /proc, which reads past the cache need.
TEST_F(Commands, AKeyServesUsersWithoutRights) {
    if (::getuid() != 0)
        GTEST_SKIP() << "needs root";
    for (const std::string& path : {sealed, key_file})
        std::filesystem::permissions(path, std::filesystem::perms(0644));
    const std::vector<std::string> arguments{
        "load", sealed, "--key-file", key_file, "--direct", "on", "--json", "-q"};
    const Json as_root = Json::parse(text(arguments));
    const Json as_nobody = Json::parse(text(arguments, {.nobody = true}));
    EXPECT_EQ(as_nobody["direct_bytes"], as_root["direct_bytes"]);
}

} // namespace
} // namespace tz::test
