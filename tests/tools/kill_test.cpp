// A conversion that is killed at any moment: the old file or the whole new one, and nothing that
// the next run does not clear away. TZ_TEST_KILLS says how often.
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

    /// Kills `arguments`, which write `target`, again and again; `old` and `whole` are what may be
    /// there then.
    void kill_often(
        const std::vector<std::string>& arguments,
        const std::string& target,
        const std::string& old,
        const std::string& whole) {
        const auto began = Clock::now();
        ASSERT_EQ(run(arguments).code, 0);
        const auto full =
            std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - began);
        const std::uint64_t lots = seed();
        SCOPED_TRACE("TZ_TEST_SEED=" + std::to_string(lots));
        std::mt19937_64 random(lots);
        int replaced = 0;
        for (int i = 0; i < kills(); ++i) {
            std::ofstream(target, std::ios::binary | std::ios::trunc) << old;
            Program program(arguments);
            std::this_thread::sleep_for(
                std::chrono::microseconds(random() % (full.count() * 5 / 4 + 1)));
            ::kill(program.pid(), SIGKILL);
            program.wait();
            const std::string found = content(target);
            ASSERT_TRUE(found == old || found == whole) << "kill " << i << ": " << found.size();
            replaced += found == whole;
        }
        ASSERT_EQ(run(arguments).code, 0);
        EXPECT_EQ(names(), (std::set<std::string>{"source", "target"})) << replaced;
        EXPECT_EQ(content(target), whole);
    }

    Folder folder_;
};

TEST_F(Killed, LeavesTheOldFileOrTheWholeNewOne) {
    const std::string source = folder_.path("source");
    const std::string target = folder_.path("target");
    write_tensors(source, 8'000'000);
    const std::vector<std::string> arguments{
        "convert", "--force", "--format", "tensors", source, target};
    ASSERT_EQ(run(arguments).code, 0);
    kill_often(arguments, target, "the old file", content(target));
}

} // namespace
} // namespace tz::test
