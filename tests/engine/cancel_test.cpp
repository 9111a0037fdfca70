// Ending a load early, at any moment: it returns soon, with the reason, and leaves nothing behind.
#include <tz/engine/load.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/memory_source.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <thread>

namespace tz {
namespace {

std::size_t count_of(const char* folder) {
    return static_cast<std::size_t>(std::distance(
        std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator{}));
}

TEST(Cancel, EndsALoadThatWasStoppedBefore) {
    const test::TempFolder folder;
    const test::Sample sample({100});
    save(folder / "file", sample.views);
    Engine engine;
    std::stop_source stop;
    stop.request_stop();
    LoadOptions options;
    options.stop = stop.get_token();
    const auto error = test::error_of([&] { load(engine, open_file(folder / "file"), options); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::cancelled);
}

TEST(Cancel, EndsAtTheDeadline) {
    const test::TempFolder folder;
    const test::Sample sample({8 << 20});
    save(folder / "file", sample.views);
    auto source = std::make_shared<test::MemorySource>(test::read_file(folder / "file"));
    source->delay = std::chrono::seconds(100);
    Engine engine;
    LoadOptions options;
    options.deadline = std::chrono::milliseconds(50);
    const auto error = test::error_of([&] { load(engine, source, options); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::deadline);
}

class CancelAtRandom : public testing::TestWithParam<Io> {};

TEST_P(CancelAtRandom, LeavesNoThreadOrDescriptorAndTheEngineUsable) {
    const test::TempFolder folder;
    const test::Sample sample({6 << 20, 100, 3 << 20, 50'000});
    SaveOptions saving;
    saving.key = test::sample_key();
    save(folder / "plain", sample.views);
    save(folder / "sealed", sample.views, saving);
    EngineOptions engine_options;
    engine_options.io = GetParam();
    engine_options.loops = 2;
    engine_options.workers = 2;
    engine_options.chunk_bytes = 128 << 10;
    Engine engine(engine_options);
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    int cancelled = 0;
    std::size_t descriptors = 0;
    std::size_t threads = 0;
    for (int i = 0; i < 200; ++i) {
        const bool sealed = i % 2 == 0;
        LoadOptions options;
        if (sealed)
            options.key = test::sample_key();
        options.verify = Verify::sha256;
        std::stop_source stop;
        options.stop = stop.get_token();
        const auto wait = std::chrono::microseconds(random() % 12'000);
        std::thread stopper([&] {
            std::this_thread::sleep_for(wait);
            stop.request_stop();
        });
        const auto direct = i % 3 == 0 ? Direct::on : Direct::automatic;
        const auto error = test::error_of([&] {
            load(engine, open_file(folder / (sealed ? "sealed" : "plain"), direct), options);
        });
        stopper.join();
        if (error) {
            EXPECT_EQ(error->kind(), errc::cancelled) << error->what();
            ++cancelled;
        }
        if (i == 20) { // every pool has been started by now
            descriptors = count_of("/proc/self/fd");
            threads = count_of("/proc/self/task");
        }
    }
    EXPECT_GT(cancelled, 20);
    EXPECT_EQ(count_of("/proc/self/fd"), descriptors);
    EXPECT_EQ(count_of("/proc/self/task"), threads);
    LoadOptions options;
    EXPECT_NO_THROW(load(engine, open_file(folder / "plain"), options));
}

TEST(Cancel, WorksWhileAnotherLoadHasTheEngine) {
    const test::TempFolder folder;
    const test::Sample sample({100});
    save(folder / "file", sample.views);
    auto slow = std::make_shared<test::MemorySource>(test::read_file(folder / "file"));
    slow->delay = std::chrono::milliseconds(700);
    Engine engine;
    std::thread first([&] { load(engine, slow); });
    while (slow->reads == 0)
        std::this_thread::yield();
    LoadOptions options;
    options.deadline = std::chrono::milliseconds(30);
    const auto error = test::error_of([&] { load(engine, open_file(folder / "file"), options); });
    first.join();
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::deadline);
}

INSTANTIATE_TEST_SUITE_P(
    Cancel, CancelAtRandom, testing::Values(Io::automatic, Io::threads), [](const auto& info) {
        return std::string(info.param == Io::threads ? "Threads" : "Uring");
    });

} // namespace
} // namespace tz
