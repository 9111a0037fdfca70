// `tz-bench make`: which files it leaves.
#include "support/files.hpp"
#include "support/program.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <thread>

namespace tz::test {
namespace {

namespace fs = std::filesystem;

struct Make : testing::Test {
    Folder folder;

    static Outcome bench(const std::vector<std::string>& arguments) {
        return run(arguments, {.program = TZ_BENCH_PROGRAM});
    }

    static std::string contents(const std::string& path) {
        std::ifstream file(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    /// Whether a file in `path` has such a name. It may go while it is looked for.
    static bool any(const std::string& path, const std::function<bool(const std::string&)>& is) {
        std::error_code error;
        for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error))
            if (is(at->path().filename().string()))
                return true;
        return false;
    }

    /// Sends `signal` once `begun`; how it ended.
    static Outcome stopped_by(
        int signal, const std::vector<std::string>& arguments, const std::function<bool()>& begun) {
        Program program(arguments, {.program = TZ_BENCH_PROGRAM});
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(50);
        while (!begun() && std::chrono::steady_clock::now() < until)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        EXPECT_TRUE(begun());
        ::kill(program.pid(), signal);
        return program.wait();
    }
};

bool is_partial(const std::string& name) {
    return name.ends_with(".partial");
}

TEST_F(Make, LeavesNothingWhereItIsStopped) {
    const std::string path = folder.path("x.tensors");
    for (const int signal : {SIGINT, SIGTERM}) {
        const Outcome outcome = stopped_by(signal, {"make", path, "--size=300MB"}, [&] {
            return any(folder.path(""), is_partial);
        });
        EXPECT_EQ(outcome.code, 130) << outcome.err;
        EXPECT_NE(outcome.err.find("stopped"), std::string::npos) << outcome.err;
        EXPECT_FALSE(any(folder.path(""), [](const std::string&) { return true; }));
    }
}

TEST_F(Make, KeepsAnOlderFileWhereItIsStopped) {
    const std::string path = folder.write("x.tensors", "older");
    const Outcome outcome = stopped_by(SIGINT, {"make", path, "--size=300MB", "--force"}, [&] {
        return any(folder.path(""), is_partial);
    });
    EXPECT_EQ(outcome.code, 130) << outcome.err;
    EXPECT_EQ(contents(path), "older");
    EXPECT_FALSE(any(folder.path(""), is_partial));
}

TEST_F(Make, TakesAWholeFolderBackWhereItIsStopped) {
    const std::vector<std::string> shape{"--size=100MB", "--shape=llama"};
    std::vector<std::string> arguments{"make", folder.path("new/model")};
    arguments.insert(arguments.end(), shape.begin(), shape.end());
    const auto shards_begun = [](const std::string& path) {
        return any(path, [](const std::string& name) { return name.starts_with(".model-0000"); });
    };
    Outcome outcome =
        stopped_by(SIGINT, arguments, [&] { return shards_begun(folder.path("new/model")); });
    EXPECT_EQ(outcome.code, 130) << outcome.err;
    EXPECT_FALSE(fs::exists(folder.path("new")));

    fs::create_directory(folder.path("old"));
    const std::string notes = folder.write("old/notes", "a user's");
    arguments[1] = folder.path("old");
    outcome = stopped_by(SIGINT, arguments, [&] { return shards_begun(folder.path("old")); });
    EXPECT_EQ(outcome.code, 130) << outcome.err;
    EXPECT_EQ(contents(notes), "a user's");
    EXPECT_FALSE(any(folder.path("old"), [](const auto& name) { return name != "notes"; }));
}

TEST_F(Make, EndsAsItsWorkDoes) {
    const std::string path = folder.write("x.tensors", "older");
    const Outcome outcome = bench({"make", path});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_NE(outcome.err.find("--force"), std::string::npos) << outcome.err;
    EXPECT_EQ(outcome.err.find("--force"), outcome.err.rfind("--force")) << "said once";
    EXPECT_EQ(contents(path), "older");
}

TEST_F(Make, GivesOtherWeightsForAnotherSeed) {
    const auto made = [this](const std::string& name, std::vector<std::string> more) {
        more.insert(more.begin(), {"make", folder.path(name), "--size=1MB", "-q"});
        EXPECT_EQ(bench(more).code, 0);
        return contents(folder.path(name));
    };
    const std::string usual = made("usual", {});
    EXPECT_EQ(made("zero", {"--seed=0"}), usual);
    const std::string other = made("other", {"--seed=7"});
    EXPECT_NE(other, usual);
    EXPECT_EQ(other.size(), usual.size());
    EXPECT_EQ(made("again", {"--seed=7"}), other);
}

} // namespace
} // namespace tz::test
