// How many lanes work for whom: paced, parked, and for several hosts at once.
#include <tz/engine/load.hpp>
#include <tz/format/hash.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/support/held.hpp>
#include <tz/tests/support/remote_load.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace tz {
namespace {

using namespace std::chrono_literals;

class LineupTest : public test::RemoteTest {};

TEST_F(LineupTest, StartsWithSixteenLanesAndGrowsAsThePacerSays) {
    const test::Sample sample(std::vector<std::size_t>(300, 60'000)); // one a chunk
    EngineOptions small;
    small.chunk_bytes = 64 << 10;
    Engine engine(small);
    host_->flight = 2ms;
    const Loaded steady = load(engine, object(sample), watched());
    EXPECT_EQ(steady.stats.lanes, 16u);
    EXPECT_EQ(host_->connections.most(), 16);

    host_->flight = 20ms;
    std::atomic<unsigned> most = 0;
    pace([&most](const PaceSample& sample) {
        most = std::max(most.load(), sample.lanes);
        return 40;
    });
    const Loaded grown = load(engine, object(sample), watched());
    expect_same(grown, sample);
    EXPECT_EQ(grown.stats.lanes, 40u);
    EXPECT_GT(host_->connections.most(), 16);
    EXPECT_LE(host_->connections.most(), 40);
    EXPECT_GT(most, 16u);

    const std::size_t buffer_bytes = (64 << 10) + 2 * 4096;
    EXPECT_GT(grown.stats.staging_bytes, 16 * buffer_bytes);
    save(folder_ / "file", sample.views);
    const Loaded local = load(engine, open_file(folder_ / "file"));
    EXPECT_LE(local.stats.staging_bytes, 16 * buffer_bytes) << "the rest was given back";
}

TEST_F(LineupTest, AsksAgainWhatAHostPrefersWhenItHasAnswered) {
    const test::Sample sample({40 << 20});
    host_->before_answer = [this](std::uint64_t request) {
        if (request == 0)
            host_->preference = near_preference;
    };
    Engine engine;
    const Loaded loaded = load(engine, object(sample));
    expect_same(loaded, sample);
    EXPECT_EQ(loaded.stats.lanes, near_preference.lanes);
    EXPECT_EQ(loaded.stats.chunk_bytes, near_preference.chunk_bytes);
    EXPECT_LE(loaded.stats.staging_bytes, engine.options().memory_limit);
}

TEST_F(LineupTest, ClosesTheConnectionsOfParkedLanes) {
    const test::Sample sample(std::vector<std::size_t>(200, 60'000));
    EngineOptions small;
    small.chunk_bytes = 64 << 10;
    Engine engine(small);
    host_->flight = 10ms;
    pace([](const PaceSample&) { return 2; });
    std::atomic<int> late = 0;
    host_->before_answer = [&](std::uint64_t request) {
        if (request > 150)
            late = std::max(late.load(), host_->connections.now());
    };
    const Loaded loaded = load(engine, object(sample), watched());
    expect_same(loaded, sample);
    EXPECT_EQ(host_->connections.most(), 16);
    EXPECT_EQ(late, 2);
}

TEST_F(LineupTest, LeavesTheNumberOfLanesAloneWhereItWasSet) {
    const test::Sample sample(std::vector<std::size_t>(100, 60'000));
    EngineOptions fixed;
    fixed.chunk_bytes = 64 << 10;
    fixed.concurrency = 5;
    Engine engine(fixed);
    host_->flight = 2ms;
    pace([](const PaceSample&) { return 1; });
    const Loaded loaded = load(engine, object(sample), watched());
    EXPECT_EQ(loaded.stats.lanes, 5u);
    EXPECT_EQ(host_->answers.most(), 5);
}

TEST_F(LineupTest, EndsSoonWhenCancelledWithLanesParked) {
    const test::Sample sample(std::vector<std::size_t>(2000, 60'000));
    EngineOptions small;
    small.chunk_bytes = 64 << 10;
    small.loops = 2;
    Engine engine(small);
    load(engine, object(sample)); // every thread has been started
    const test::Held held = test::held();
    host_->flight = 20ms;
    std::stop_source stop;
    std::atomic<int> samples = 0;
    pace([&](const PaceSample&) {
        if (++samples == 20) {
            EXPECT_EQ(host_->connections.now(), 1);
            stop.request_stop();
        }
        return 1;
    });
    LoadOptions options = watched();
    options.stop = stop.get_token();
    const auto source = object(sample);
    const auto began = std::chrono::steady_clock::now();
    const auto error = test::error_of([&] { load(engine, source, options); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::cancelled);
    EXPECT_LT(std::chrono::steady_clock::now() - began, 20s)
        << "what is left takes 39 s on one lane";
    EXPECT_EQ(host_->connections.now(), 0);
    EXPECT_EQ(test::held_soon(held), held);
}

TEST_F(LineupTest, ComesToItsEndHoweverItIsPaced) {
    const std::uint64_t seed = test::seed();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const test::Sample sample({900'000, 100, 400'000, 1'500'000, 0, 700'000, 60'000, 300'000});
    SaveOptions gathered;
    gathered.key = test::sample_key();
    gathered.piece_bytes = 96'000; // chunks hold no whole pieces of it
    for (int i = 0; i < 30; ++i) {
        EngineOptions small;
        small.workers = 2;
        small.loops = 1 + static_cast<unsigned>(random() % 3);
        small.chunk_bytes = 64 << 10;
        small.memory_limit = (3 << 20) + random() % (2 << 20);
        Engine engine(small);
        host_->flight = std::chrono::microseconds(random() % 3000);
        pace([random]([[maybe_unused]] const PaceSample& sample) mutable {
            return static_cast<unsigned>(random() % 20);
        });
        LoadOptions options = watched();
        options.memory = random() % 2 == 0 ? Memory::none : Memory::owned;
        options.key = test::sample_key();
        options.digests = random() % 2 == 0;
        const Loaded loaded = load(engine, object(sample, gathered), options);
        for (std::size_t k = 0; options.digests && k < sample.data.size(); ++k)
            EXPECT_EQ(loaded.digests[k], format::sha256(sample.data[k])) << k;
        if (options.memory == Memory::owned)
            expect_same(loaded, sample);
        EXPECT_LE(loaded.stats.staging_bytes, small.memory_limit);
    }
}

TEST_F(LineupTest, LoadsFilesAndObjectsOfSeveralHostsTogetherInTheirOrder) {
    const test::Sample near(std::vector<std::size_t>(30, 50'000), 1);
    const test::Sample far(std::vector<std::size_t>(30, 60'000), 100);
    const test::Sample other({10, 4 << 20}, 200);
    save(folder_ / "file", near.views);
    const auto file = open_file(folder_ / "file");
    const auto remote = object(far);
    host_->flight = 2ms;
    const auto second = std::make_shared<test::SlowHost>();
    second->name = "second";
    const auto elsewhere = std::make_shared<test::SlowSource>("there", second, bytes_of(other));
    const std::vector<std::shared_ptr<const Source>> sources{remote, file, elsewhere};
    for (const unsigned concurrency : {0u, 1u, 2u, 3u, 7u}) {
        EngineOptions options;
        options.concurrency = concurrency;
        options.chunk_bytes = 64 << 10;
        Engine engine(options);
        LoadOptions how;
        how.verify = Verify::all;
        std::vector<std::size_t> order;
        how.deliver = [&order](const Delivered& tensor) { order.push_back(tensor.file); };
        const LoadedFiles loaded = load(engine, sources, how);
        expect_same(loaded.files[0], far);
        expect_same(loaded.files[1], near);
        expect_same(loaded.files[2], other);
        EXPECT_TRUE(std::ranges::is_sorted(order));
        EXPECT_LE(loaded.stats.staging_bytes, options.memory_limit);
        EXPECT_EQ(loaded.stats.lanes, concurrency == 0 ? 48 : concurrency);
    }
}

TEST_F(LineupTest, TakesLargerChunksWhereMemoryAllowsAndFilesKeepTheirs) {
    const test::Sample sample({40 << 20});
    save(folder_ / "file", sample.views);
    EngineOptions roomy;
    roomy.memory_limit = 512 << 20;
    Engine engine(roomy);
    LoadOptions options;
    options.verify = Verify::crc32;
    const auto file = open_file(folder_ / "file", Direct::on);
    for (int i = 0; i < 2; ++i) { // in turn, with the same staging
        const Loaded remote = load(engine, object(sample), options);
        expect_same(remote, sample);
        EXPECT_EQ(remote.stats.chunk_bytes, 8u << 20);
        const Loaded local = load(engine, file, options);
        expect_same(local, sample);
        EXPECT_EQ(local.stats.chunk_bytes, 4u << 20);
        EXPECT_EQ(local.stats.lanes, 16u);
    }
    Engine usual;
    EXPECT_EQ(load(usual, object(sample), options).stats.chunk_bytes, 4u << 20);
}

TEST_F(LineupTest, MovesToMoreLoopsWhereItsHostWantsThemAndNobodySaid) {
    const test::Sample sample(std::vector<std::size_t>(50, 60'000));
    host_->preference.loops = 2;
    EngineOptions options;
    options.chunk_bytes = 64 << 10;
    Engine engine(options);
    save(folder_ / "file", sample.views);
    EXPECT_EQ(load(engine, open_file(folder_ / "file")).stats.loops, 1u);
    const Loaded loaded = load(engine, object(sample));
    expect_same(loaded, sample);
    EXPECT_LE(loaded.stats.loops, 2u);
    EXPECT_LE(loaded.stats.staging_bytes, engine.options().memory_limit);
    EXPECT_EQ(load(engine, open_file(folder_ / "file")).stats.loops, 1u) << "files stay on one";
    options.loops = 1;
    Engine fixed(options);
    EXPECT_EQ(load(fixed, object(sample)).stats.loops, 1u);
}

} // namespace
} // namespace tz
