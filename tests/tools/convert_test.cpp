// `tz convert`, `encrypt`, `decrypt` and `keygen`: what a user meets.
#include "support/files.hpp"
#include "support/program.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sys/stat.h>

namespace tz::test {
namespace {

using Json = nlohmann::json;
using Names = std::set<std::string>;

std::string content(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

unsigned mode_of(const std::string& path) {
    struct stat facts{};
    EXPECT_EQ(::stat(path.c_str(), &facts), 0);
    return facts.st_mode & 07777;
}

class ConvertCommand : public testing::Test {
protected:
    void SetUp() override { write_tensors(source, 3'000'000); }

    Names names() const {
        Names names;
        for (const auto& entry : std::filesystem::directory_iterator(folder.path(".")))
            names.insert(entry.path().filename());
        return names;
    }

    std::string sums(const std::vector<std::string>& arguments) const {
        std::vector<std::string> all{"checksum"};
        all.insert(all.end(), arguments.begin(), arguments.end());
        const Outcome outcome = run(all);
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        return outcome.out;
    }

    // One line on stderr, nothing on stdout, and the folder as it was.
    std::string expect_failure(int code, const std::vector<std::string>& arguments) {
        const Names before = names();
        const Outcome outcome = run(arguments);
        EXPECT_EQ(outcome.code, code) << outcome.err;
        EXPECT_EQ(outcome.out, "");
        EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
        EXPECT_EQ(names(), before);
        return outcome.err;
    }

    Folder folder;
    std::string source = folder.path("model.tensors");
};

TEST_F(ConvertCommand, WritesTheFormatThatTheNameSays) {
    const std::string target = folder.path("model.safetensors");
    const Outcome outcome = run({"convert", source, target, "--json"});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const Json json = Json::parse(outcome.out);
    EXPECT_EQ(json["lost"], Json::array());
    EXPECT_EQ(json["schema"], "tz-convert/1");
    EXPECT_EQ(json["files"], Json({target}));
    EXPECT_EQ(json["tensors"], 2);
    EXPECT_EQ(json["bytes_written"], std::filesystem::file_size(target));
    EXPECT_EQ(sums({target}).substr(0, 64), sums({source}).substr(0, 64));
    EXPECT_EQ(mode_of(target) & 0600u, 0600u);
}

TEST_F(ConvertCommand, EncryptsWithAKeyOfKeygenAndDecrypts) {
    const std::string key = folder.path("key");
    const Outcome made = run({"keygen", key});
    ASSERT_EQ(made.code, 0) << made.err;
    EXPECT_EQ(mode_of(key), 0600u);
    const std::string text = content(key);
    ASSERT_EQ(text.size(), 65u);
    EXPECT_EQ(text.find_first_not_of("0123456789abcdef"), 64u);
    EXPECT_EQ(text.back(), '\n');
    EXPECT_EQ(made.out.find(text.substr(0, 64)), std::string::npos) << "a secret was shown";

    const std::string sealed = folder.path("sealed");
    ASSERT_EQ(run({"encrypt", "--key-file", key, source, sealed}).code, 0);
    EXPECT_EQ(sums({sealed, "--key-file", key}), sums({source}));
    expect_failure(6, {"load", sealed});
    const std::string plain = folder.path("plain.tensors");
    ASSERT_EQ(run({"decrypt", "--key-file", key, sealed, plain}).code, 0);
    EXPECT_EQ(sums({plain}), sums({source}));
}

TEST_F(ConvertCommand, EncryptsWithAPassword) {
    const std::string password = folder.write("password", "correct horse\n");
    const std::string sealed = folder.path("sealed.tensors");
    ASSERT_EQ(run({"encrypt", "--password-file", password, source, sealed}).code, 0);
    EXPECT_EQ(sums({sealed, "--password-file", password}), sums({source}));
}

TEST_F(ConvertCommand, MakesAnotherKeyEachTime) {
    ASSERT_EQ(run({"keygen", folder.path("a")}).code, 0);
    ASSERT_EQ(run({"keygen", folder.path("b")}).code, 0);
    EXPECT_NE(content(folder.path("a")), content(folder.path("b")));
}

TEST_F(ConvertCommand, NeverReplacesUnasked) {
    const std::string target = folder.write("old.tensors", "old", 0644);
    const std::string error = expect_failure(2, {"convert", source, target});
    EXPECT_NE(error.find("--force"), std::string::npos) << error;
    EXPECT_EQ(content(target), "old");
    expect_failure(2, {"keygen", target});
    EXPECT_EQ(content(target), "old");
    EXPECT_EQ(run({"convert", "--force", source, target}).code, 0);
    EXPECT_EQ(sums({target}), sums({source}));
}

TEST_F(ConvertCommand, ReplacesItsOwnSource) {
    const std::string before = sums({source});
    EXPECT_EQ(run({"convert", "--force", "--align", "1", source, source}).code, 0);
    EXPECT_EQ(sums({source}), before);
}

TEST_F(ConvertCommand, SplitsAndJoins) {
    const std::string list = folder.path("m.safetensors.index.json");
    ASSERT_EQ(
        run({"convert", "--max-shard-size", "1MB", source, folder.path("m.safetensors")}).code, 0);
    EXPECT_TRUE(names().contains("m-00001-of-00002.safetensors"));
    const std::string joined = folder.path("joined.safetensors");
    ASSERT_EQ(run({"convert", list, joined}).code, 0);
    EXPECT_EQ(sums({joined}).substr(0, 64), sums({source}).substr(0, 64));
}

TEST_F(ConvertCommand, NumbersFilesAndReadsThemAgain) {
    const std::string key = folder.path("key");
    ASSERT_EQ(run({"keygen", key}).code, 0);
    const std::string other = folder.path("other.tensors");
    write_tensors(other, 10'000);
    const std::string pattern = folder.path("rank-%03d.tensors");
    ASSERT_EQ(run({"convert", "--encrypt-key-file", key, source, other, pattern}).code, 0);
    EXPECT_TRUE(names().contains("rank-001.tensors"));
    const std::string plain = folder.path("plain-%02d.tensors");
    ASSERT_EQ(run({"convert", "--key-file", key, pattern, plain}).code, 0);
    EXPECT_EQ(sums({folder.path("plain-01.tensors")}), sums({other}));
    // both have the same tensors, which one file can't hold
    expect_failure(2, {"convert", "--key-file", key, pattern, folder.path("one.tensors")});
    expect_failure(3, {"convert", folder.path("none-%03d.tensors"), folder.path("one.tensors")});
}

TEST_F(ConvertCommand, RefusesWhatCannotBe) {
    const std::string target = folder.path("target");
    expect_failure(2, {"convert", source, target}); // which format?
    expect_failure(2, {"convert", source, target, "--format", "gguf"});
    expect_failure(2, {"convert", source, folder.path(".")}); // a folder
    expect_failure(2, {"convert", source, "http://localhost/a.tensors"});
    expect_failure(2, {"encrypt", source, target}); // with what?
    expect_failure(3, {"convert", folder.path("none"), folder.path("t.tensors")});
    expect_failure(3, {"convert", source, folder.path("no/folder/t.tensors")});
    expect_failure(2, {"convert", source, folder.path("t.tensors"), "--dtype", "int8"});
    expect_failure(2, {"convert", source, folder.path("t.tensors"), "--align", "3"});
    expect_failure(2, {"convert", source, folder.path("t.safetensors"), "--metadata", "x"});
}

TEST_F(ConvertCommand, SaysThatThereIsNoRoom) {
    RunOptions options;
    options.file_bytes = 1'000'000; // the file may not become larger
    const Outcome outcome = run({"convert", source, folder.path("t.tensors")}, options);
    EXPECT_EQ(outcome.code, 7) << outcome.err;
    EXPECT_EQ(names(), Names{"model.tensors"});
}

TEST_F(ConvertCommand, SaysOfItselfThatItWasCancelled) {
    const std::string sparse = folder.path("sparse.tensors");
    write_sparse(sparse, 2ull << 30);
    const Names before = names();
    Program convert(
        {"convert",
         sparse,
         folder.path("out.tensors"),
         "--verify=none",
         "--concurrency=1",
         "--chunk-size=64KiB"});
    ASSERT_TRUE(convert.wait_until_it_blocks(SIGINT));
    ::kill(convert.pid(), SIGINT);
    const Outcome outcome = convert.wait();
    EXPECT_EQ(outcome.code, 130);
    EXPECT_EQ(outcome.err, "tz: the conversion was cancelled\n");
    EXPECT_EQ(names(), before);
}

} // namespace
} // namespace tz::test
