#include <tz/engine/load.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/support/files.hpp>

#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <vector>

namespace tz {
namespace {

/// Lines that an engine logged, on any thread.
struct Lines {
    Log log() {
        return [this](LogLevel, const std::string& line) {
            const std::lock_guard lock(mutex);
            lines.push_back(line);
        };
    }

    bool mention(const std::string& text) const {
        for (const auto& line : lines)
            if (line.find(text) != std::string::npos)
                return true;
        return false;
    }

    std::mutex mutex;
    std::vector<std::string> lines;
};

TEST(Engine, LogsToItsOwnCallbackAndNowhereElse) {
    const test::TempFolder folder;
    const test::Sample sample({100});
    for (const char* name : {"first", "second", "third"}) {
        save(folder / name, sample.views);
        auto bytes = test::read_file(folder / name);
        bytes.resize(bytes.size() + 5); // which is odd, and worth a warning
        test::write_file(folder / name, bytes);
    }
    Lines of_first;
    Lines of_second;
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    {
        EngineOptions options;
        options.log = of_first.log();
        Engine first(options);
        options.log = of_second.log();
        Engine second(options);
        Engine silent;
        load(first, open_file(folder / "first"));
        load(second, open_file(folder / "second"));
        load(silent, open_file(folder / "third"));
    }
    EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
    EXPECT_TRUE(of_first.mention(folder / "first"));
    EXPECT_TRUE(of_second.mention(folder / "second"));
    EXPECT_FALSE(of_first.mention(folder / "second"));
    EXPECT_FALSE(of_second.mention(folder / "first"));
    EXPECT_FALSE(of_first.mention(folder / "third") || of_second.mention(folder / "third"));
}

} // namespace
} // namespace tz
