// A conversion or a save that is killed at any moment: the old file or the whole new one, and
// nothing that the next run does not clear away. TZ_TEST_KILLS says how often.
#include "support/files.hpp"
#include "support/program.hpp"
#include <tz/tests/support/files.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <thread>

namespace tz::test {
namespace {

using Clock = std::chrono::steady_clock;

int kills() {
    const char* given = std::getenv("TZ_TEST_KILLS");
    return given != nullptr ? std::atoi(given) : 40;
}

std::string content(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

class Killed : public testing::Test {
protected:
    std::set<std::string> names() const {
        std::set<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(folder_.path(".")))
            names.insert(entry.path().filename());
        return names;
    }

    /// Kills who writes `target` again and again; what was there, or all that is written, may be
    /// there then.
    void kill_often(
        const std::vector<std::string>& arguments,
        const std::string& target,
        const RunOptions& options = {}) {
        const std::string old = "the old file";
        ASSERT_EQ(run(arguments, options).code, 0);
        const std::string whole = content(target);
        const std::set<std::string> complete = names();
        const auto began = Clock::now();
        ASSERT_EQ(run(arguments, options).code, 0);
        const auto full =
            std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - began);
        const std::uint64_t lots = seed();
        SCOPED_TRACE("TZ_TEST_SEED=" + std::to_string(lots));
        std::mt19937_64 random(lots);
        int replaced = 0;
        for (int i = 0; i < kills(); ++i) {
            std::ofstream(target, std::ios::binary | std::ios::trunc) << old;
            Program program(arguments, options);
            std::this_thread::sleep_for(
                std::chrono::microseconds(random() % (full.count() * 5 / 4 + 1)));
            ::kill(program.pid(), SIGKILL);
            program.wait();
            const std::string found = content(target);
            ASSERT_TRUE(found == old || found == whole) << "kill " << i << ": " << found.size();
            replaced += found == whole;
        }
        ASSERT_EQ(run(arguments, options).code, 0);
        EXPECT_EQ(names(), complete) << replaced;
        EXPECT_EQ(content(target), whole);
    }

    Folder folder_;
};

TEST_F(Killed, AConversionLeavesTheOldFileOrTheWholeNewOne) {
    const std::string source = folder_.path("source");
    const std::string target = folder_.path("target");
    write_tensors(source, 8'000'000);
    kill_often({"convert", "--force", "--format", "tensors", source, target}, target);
    EXPECT_EQ(names(), (std::set<std::string>{"source", "target"}));
}

TEST_F(Killed, ASaveLeavesTheOldFileOrTheWholeNewOne) {
    const std::string target = folder_.path("target");
    // through lanes, and in a session
    for (const char* bytes : {"20000000", "1000000"}) {
        kill_often({bytes, target}, target, {.program = TZ_SAVER_PROGRAM});
        EXPECT_EQ(names(), std::set<std::string>{"target"});
    }
}

} // namespace
} // namespace tz::test
