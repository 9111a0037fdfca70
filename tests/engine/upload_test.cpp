#include <tz/engine/engine.hpp>
#include <tz/engine/upload.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/kept_target.hpp>
#include <tz/tests/support/memory_source.hpp>

#include <gtest/gtest.h>

#include <set>
#include <thread>

namespace tz {
namespace {

using namespace std::chrono_literals;

using test::KeptTarget;

std::shared_ptr<test::MemorySource> memory(std::size_t bytes) {
    return std::make_shared<test::MemorySource>(test::random_bytes(bytes));
}

TEST(Upload, CopiesEachPartOnce) {
    Engine engine;
    for (const std::size_t size : {0u, 1u, 65'536u, 65'537u, 1'000'000u}) {
        KeptTarget target;
        const auto source = memory(size);
        const LoadStats stats = upload(engine, source, target);
        EXPECT_EQ(target.bytes, source->content);
        EXPECT_EQ(target.offsets.size(), (size + 65'535) / 65'536);
        EXPECT_EQ(
            std::set(target.offsets.begin(), target.offsets.end()).size(), target.offsets.size());
        EXPECT_EQ(stats.bytes, size);
        EXPECT_EQ(target.begun + target.published, 2);
        EXPECT_EQ(target.abandoned, 0);
    }
}

TEST(Upload, HasItsOwnPartsWhereTheTargetTakesAny) {
    Engine engine;
    KeptTarget target;
    target.part_bytes = 0;
    const auto source = memory((9 << 20) + 1);
    upload(engine, source, target);
    EXPECT_EQ(target.bytes, source->content);
    EXPECT_EQ(target.offsets.size(), 2u);
}

TEST(Upload, HasAsManyLanesAsMemoryHolds) {
    EngineOptions options;
    options.memory_limit = 8 << 20;
    Engine engine(options);
    KeptTarget target;
    target.part_bytes = 3 << 20;
    const auto source = memory(20 << 20);
    const LoadStats stats = upload(engine, source, target);
    EXPECT_EQ(target.bytes, source->content);
    EXPECT_LE(target.writing_most, 2);
    EXPECT_LE(stats.staging_bytes, 8u << 20);
}

TEST(Upload, SaysThatPartsDontFitTheMemory) {
    EngineOptions options;
    options.memory_limit = 8 << 20;
    Engine engine(options);
    KeptTarget target;
    target.part_bytes = 16 << 20;
    const auto error = test::error_of([&] { upload(engine, memory(32 << 20), target); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::limit);
    EXPECT_NE(error->hint().find("--memory-limit"), std::string::npos);
    EXPECT_EQ(target.begun, 0);
}

TEST(Upload, AbandonsWhatFails) {
    Engine engine;
    const auto failing = [&](KeptTarget& target, test::MemorySource& source) {
        const auto shared = std::shared_ptr<test::MemorySource>(&source, [](auto*) {});
        const auto error = test::error_of([&] { upload(engine, shared, target); });
        EXPECT_TRUE(error);
        EXPECT_EQ(target.abandoned, 1);
        return error ? error->kind() : errc::usage;
    };
    {
        KeptTarget target;
        target.fails_at = 3 * 65'536;
        EXPECT_EQ(failing(target, *memory(1'000'000)), errc::io);
        EXPECT_EQ(target.published, 0);
    }
    {
        KeptTarget target;
        target.fails_to_publish = true;
        EXPECT_EQ(failing(target, *memory(1'000'000)), errc::io);
    }
    {
        KeptTarget target;
        const auto source = memory(1'000'000);
        source->changed = true;
        EXPECT_EQ(failing(target, *source), errc::object_changed);
        EXPECT_EQ(target.published, 0);
    }
    {
        KeptTarget target;
        const auto source = memory(1'000'000);
        source->before_read = [](std::uint64_t read) {
            if (read == 5)
                throw Error(errc::io, "bad disk");
        };
        EXPECT_EQ(failing(target, *source), errc::io);
        EXPECT_EQ(target.published, 0);
    }
}

TEST(Upload, AbandonsWhatIsStopped) {
    Engine engine;
    KeptTarget target;
    const auto source = memory(1'000'000);
    std::stop_source stop;
    source->before_read = [&](std::uint64_t read) {
        if (read == 5)
            stop.request_stop();
    };
    UploadOptions options;
    options.stop = stop.get_token();
    const auto error = test::error_of([&] { upload(engine, source, target, options); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::cancelled);
    EXPECT_EQ(target.published, 0);
    EXPECT_EQ(target.abandoned, 1);
    KeptTarget next;
    EXPECT_NO_THROW(upload(engine, memory(1000), next)) << "the engine goes on";
}

/// A server that is to forget an upload is waited for until 2 s after the deadline; where there is
/// none, as long as the target likes.
TEST(Upload, TellsItsTargetHowLongItMayTakeToLetGo) {
    using Clock = std::chrono::steady_clock;
    Engine engine;
    const auto given_up_at = [&](std::optional<std::chrono::nanoseconds> deadline,
                                 std::chrono::milliseconds reading = {}) {
        const auto source = memory(1000);
        source->before_read = [reading](std::uint64_t) { std::this_thread::sleep_for(reading); };
        KeptTarget target;
        target.fails_to_publish = true;
        UploadOptions options;
        options.deadline = deadline;
        EXPECT_TRUE(test::error_of([&] { upload(engine, source, target, options); }));
        EXPECT_EQ(target.abandoned, 1);
        return target.given_up_at;
    };
    EXPECT_EQ(given_up_at({}), Clock::time_point::max());
    auto before = Clock::now();
    auto until = given_up_at(20s);
    EXPECT_GT(until, before + 20s);
    EXPECT_LT(until, Clock::now() + 22s);
    before = Clock::now();
    until = given_up_at(std::chrono::nanoseconds::max());
    EXPECT_GT(until, before + 60s);
    EXPECT_GT(given_up_at(20ms, 2s), Clock::now()) << "something, however late";
}

TEST(Upload, TellsItsProgress) {
    Engine engine;
    KeptTarget target;
    Progress last;
    UploadOptions options;
    options.progress = [&](const Progress& now) { last = now; };
    upload(engine, memory(300'000), target, options);
    EXPECT_EQ(last.bytes_done, 300'000u);
    EXPECT_EQ(last.bytes_total, 300'000u);
    EXPECT_EQ(last.tensors_done, 1u);
}

} // namespace
} // namespace tz
