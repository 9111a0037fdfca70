// Ending a load early, at any moment: it returns soon, with the reason, and leaves nothing behind.
#include <tz/engine/load.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/held.hpp>
#include <tz/tests/support/memory_source.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <thread>

namespace tz {
namespace {

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

TEST(Cancel, CountsFromWhereTheCallersTimeBegan) {
    const test::TempFolder folder;
    const test::Sample sample({100});
    save(folder / "file", sample.views);
    Engine engine;
    LoadOptions options;
    options.deadline = std::chrono::hours(1);
    const auto load_it = [&] { load(engine, open_file(folder / "file"), options); };
    options.begun = std::chrono::steady_clock::now() - std::chrono::minutes(59);
    EXPECT_NO_THROW(load_it());
    options.begun = std::chrono::steady_clock::now() - std::chrono::minutes(61);
    const auto error = test::error_of(load_it);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::deadline);
}

struct Way {
    const char* name;
    Io io;
    unsigned loops;
};

std::ostream& operator<<(std::ostream& out, const Way& way) {
    return out << way.name;
}

class CancelAtRandom : public testing::TestWithParam<Way> {
protected:
    void SetUp() override {
        save(folder_ / "plain", sample_.views);
        SaveOptions saving;
        saving.key = test::sample_key();
        save(folder_ / "sealed", sample_.views, saving);
        saving.piece_bytes = 96'000; // chunks hold no whole pieces of it: gathered
        save(folder_ / "gathered", sample_.views, saving);
        EngineOptions options;
        options.io = GetParam().io;
        options.loops = GetParam().loops;
        options.workers = 2;
        options.chunk_bytes = 128 << 10;
        engine_ = std::make_unique<Engine>(options);
    }

    /// A load with options and an end by lot; the error it came to.
    std::optional<Error> load_by_lot(std::mt19937_64& random) {
        const char* names[] = {"plain", "sealed", "gathered"};
        const Verify verifications[] = {
            Verify::none, Verify::automatic, Verify::sha256, Verify::all};
        const std::size_t file = random() % 3;
        LoadOptions options;
        if (file != 0)
            options.key = test::sample_key();
        options.verify = verifications[random() % 4];
        options.memory = random() % 2 == 0 ? Memory::owned : Memory::none;
        options.digests = random() % 4 == 0;
        std::stop_source stop;
        options.stop = stop.get_token();
        const auto wait = std::chrono::microseconds(random() % 12'000);
        if (random() % 4 == 0)
            options.deadline = wait;
        std::thread stopper([&] {
            std::this_thread::sleep_for(wait);
            stop.request_stop();
        });
        const auto direct = random() % 3 == 0 ? Direct::on : Direct::automatic;
        const auto error = test::error_of([&] {
            const Loaded loaded = load(*engine_, open_file(folder_ / names[file], direct), options);
            for (std::size_t i = 0; i < loaded.tensors.size(); ++i)
                EXPECT_TRUE(std::ranges::equal(loaded.tensors[i], sample_.data[i])) << i;
        });
        stopper.join();
        return error;
    }

    test::TempFolder folder_;
    test::Sample sample_{{6 << 20, 100, 3 << 20, 50'000}};
    std::unique_ptr<Engine> engine_;
};

TEST_P(CancelAtRandom, LeavesNoThreadOrDescriptorAndTheEngineUsable) {
    const std::uint64_t seed = test::seed();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    int cancelled = 0;
    test::Held held;
    for (int i = 0; i < 200; ++i) {
        const auto error = load_by_lot(random);
        cancelled += error.has_value();
        if (error && error->kind() != errc::deadline) {
            EXPECT_EQ(error->kind(), errc::cancelled) << error->what();
        }
        if (i == 20) // every pool has been started by now
            held = test::held();
    }
    EXPECT_GT(cancelled, 20);
    EXPECT_EQ(test::held_soon(held), held);
    EXPECT_NO_THROW(load(*engine_, open_file(folder_ / "plain")));
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
    Ways,
    CancelAtRandom,
    testing::Values(
        Way{"Threads", Io::threads, 1},
        Way{"ThreadsOfTwoLoops", Io::threads, 2},
        Way{"Uring", Io::automatic, 1},
        Way{"UringOfThreeLoops", Io::automatic, 3}),
    [](const auto& info) { return std::string(info.param.name); });

} // namespace
} // namespace tz
