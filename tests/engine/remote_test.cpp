// Loads from sources that behave like objects on a server, alone and together with files.
#include <tz/engine/load.hpp>
#include <tz/format/hash.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/held.hpp>
#include <tz/tests/support/slow_source.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <thread>

namespace tz {
namespace {

using namespace std::chrono_literals;

/// Wants what it is told to, often.
class Wanting final : public Pacer {
public:
    explicit Wanting(std::function<unsigned(const PaceSample&)> wanted)
        : wanted_(std::move(wanted)) {}

    unsigned lanes_wanted(const PaceSample& sample) override { return wanted_(sample); }

    std::chrono::milliseconds period() const override { return 1ms; }

private:
    std::function<unsigned(const PaceSample&)> wanted_;
};

class RemoteTest : public testing::Test {
protected:
    std::vector<std::byte> bytes_of(const test::Sample& sample, const SaveOptions& saving = {}) {
        save(folder_ / "object", sample.views, saving);
        return test::read_file(folder_ / "object");
    }

    std::shared_ptr<test::SlowSource>
    object(const test::Sample& sample, const SaveOptions& saving = {}) {
        return std::make_shared<test::SlowSource>(
            "object" + std::to_string(objects_++), host_, bytes_of(sample, saving));
    }

    static void expect_same(const LoadedFile& loaded, const test::Sample& sample) {
        ASSERT_EQ(loaded.tensors.size(), sample.data.size());
        for (std::size_t i = 0; i < sample.data.size(); ++i)
            EXPECT_TRUE(std::ranges::equal(loaded.tensors[i], sample.data[i])) << i;
    }

    /// The supervising thread then looks every 10 ms.
    static LoadOptions watched() {
        LoadOptions options;
        options.deadline = 60s;
        return options;
    }

    void pace(std::function<unsigned(const PaceSample&)> wanted) {
        host_->pacer = [wanted](unsigned, unsigned) { return std::make_unique<Wanting>(wanted); };
    }

    test::TempFolder folder_;
    std::shared_ptr<test::SlowHost> host_ = std::make_shared<test::SlowHost>();
    int objects_ = 0;
};

TEST_F(RemoteTest, LearnsTheSizeWithTheFirstAnswer) {
    const test::Sample sample({100, 3 << 20, 0, 5'000'001});
    const auto source = object(sample);
    EXPECT_FALSE(source->bytes_known());
    EXPECT_EQ(source->bytes(), 0u);
    EXPECT_EQ(host_->requests, 0u);
    Engine engine;
    const Loaded loaded = load(engine, source);
    expect_same(loaded, sample);
    EXPECT_TRUE(source->bytes_known());
    EXPECT_EQ(source->bytes(), source->content.size());
    expect_same(load(engine, source), sample); // and again, now that it is known
}

TEST_F(RemoteTest, ReadsALayoutInOneRequest) {
    const auto source = object(test::Sample({100, 200}));
    Engine engine;
    EXPECT_EQ(read_layout(engine, source).tensors.size(), 2u);
    EXPECT_EQ(host_->requests, 1u);
    EXPECT_EQ(host_->connections.now(), 0);
}

TEST_F(RemoteTest, BringsTheFirstTensorInThreeFlights) {
    const auto source = object(test::Sample({1000, 3 << 20, 3 << 20, 3 << 20}));
    host_->flight = 200ms;
    Engine engine;
    LoadOptions options;
    std::optional<std::chrono::steady_clock::time_point> first;
    options.deliver = [&first](const Delivered&) {
        if (!first)
            first = std::chrono::steady_clock::now();
    };
    const auto began = std::chrono::steady_clock::now();
    load(engine, source, options);
    ASSERT_TRUE(first);
    EXPECT_LT(*first - began, 4 * host_->flight) << "a connection, the index, the data";
}

TEST_F(RemoteTest, GoesOnWithTheConnectionThatBroughtTheIndex) {
    const auto source = object(test::Sample({1000}));
    Engine engine;
    const Loaded loaded = load(engine, source);
    EXPECT_EQ(loaded.stats.connections, 1u);
    EXPECT_EQ(loaded.stats.requests, 2u);
    EXPECT_EQ(host_->connections.now(), 0) << "closed at the end";
}

TEST_F(RemoteTest, ServesManyObjectsOfAHostWithTheConnectionsOfItsLanes) {
    std::vector<std::shared_ptr<const Source>> sources;
    std::vector<test::Sample> samples;
    for (int i = 0; i < 20; ++i) {
        samples.emplace_back(std::vector<std::size_t>{100'000, 50}, i);
        sources.push_back(object(samples.back()));
    }
    host_->flight = 1ms;
    for (const unsigned loops : {1u, 3u}) {
        EngineOptions options;
        options.concurrency = 3;
        options.loops = loops;
        Engine engine(options);
        const LoadedFiles loaded = load(engine, sources);
        for (std::size_t i = 0; i < sources.size(); ++i)
            expect_same(loaded.files[i], samples[i]);
        EXPECT_EQ(loaded.stats.connections, 3u);
        EXPECT_LE(host_->answers.most(), 3);
        EXPECT_EQ(loaded.stats.lanes, 3u);
    }
}

TEST_F(RemoteTest, NamesTheObjectOfAnError) {
    const test::Sample sample({1000});
    auto bytes = bytes_of(sample);
    bytes.resize(bytes.size() / 2); // the index says more
    const auto cut = std::make_shared<test::SlowSource>("cut", host_, bytes);
    const auto strange = std::make_shared<test::SlowSource>(
        "strange", host_, std::vector<std::byte>(500, std::byte{7}));
    const auto empty = std::make_shared<test::SlowSource>("empty", host_, std::vector<std::byte>());
    Engine engine;
    for (const auto& bad : {cut, strange, empty}) {
        const std::vector<std::shared_ptr<const Source>> sources{object(sample), bad};
        const auto error = test::error_of([&] { load(engine, sources); });
        ASSERT_TRUE(error);
        EXPECT_EQ(error->kind(), errc::format);
        EXPECT_EQ(error->source(), bad->name());
        EXPECT_EQ(host_->connections.now(), 0);
    }
}

TEST_F(RemoteTest, PassesOnWhatAServerSaysAtAnyRequest) {
    const test::Sample sample(std::vector<std::size_t>(20, 3 << 20));
    Engine engine;
    for (std::uint64_t bad = 0; bad < 10; bad += 3) {
        host_->requests = 0;
        host_->before_answer = [bad](std::uint64_t request) {
            if (request == bad)
                throw Error(errc::transport, "the server is gone");
        };
        const auto source = object(sample);
        const auto error = test::error_of([&] { load(engine, source); });
        ASSERT_TRUE(error) << bad;
        EXPECT_EQ(error->kind(), errc::transport);
        EXPECT_EQ(error->source(), source->name());
        EXPECT_EQ(host_->connections.now(), 0);
    }
}

TEST_F(RemoteTest, StartsWithSixteenLanesAndGrowsAsThePacerSays) {
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
}

TEST_F(RemoteTest, ClosesTheConnectionsOfParkedLanes) {
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

TEST_F(RemoteTest, LeavesTheNumberOfLanesAloneWhereItWasSet) {
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

TEST_F(RemoteTest, EndsSoonWhenCancelledWithLanesParked) {
    const test::Sample sample(std::vector<std::size_t>(200, 60'000));
    EngineOptions small;
    small.chunk_bytes = 64 << 10;
    small.loops = 2;
    Engine engine(small);
    load(engine, object(sample)); // every thread has been started
    const test::Held held = test::held();
    host_->flight = 5ms;
    std::stop_source stop;
    std::atomic<int> samples = 0;
    pace([&](const PaceSample&) {
        if (++samples == 10) {
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
    EXPECT_LT(std::chrono::steady_clock::now() - began, 900ms) << "200 flights take a second";
    EXPECT_EQ(host_->connections.now(), 0);
    EXPECT_EQ(test::held_soon(held), held);
}

/// Paced at random, with everything that lanes wait for each other for: headers, hashes in order,
/// and memory beside the staging.
TEST_F(RemoteTest, ComesToItsEndHoweverItIsPaced) {
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

TEST_F(RemoteTest, LoadsFilesAndObjectsOfSeveralHostsTogetherInTheirOrder) {
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

TEST_F(RemoteTest, TakesLargerChunksWhereMemoryAllowsAndFilesKeepTheirs) {
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

TEST_F(RemoteTest, MovesToMoreLoopsWhereItsHostWantsThemAndNobodySaid) {
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

TEST_F(RemoteTest, CountsWhatItReadsThrough) {
    SaveOptions packed;
    packed.aligned = false;
    const auto source = object(test::Sample({1000, 30'000, 1000, 500'000, 1000}), packed);
    Engine engine;
    LoadOptions options;
    options.selection.names = {"t0", "t2", "t4"};
    const LoadStats stats = load(engine, source, options).stats;
    EXPECT_GE(stats.gap_bytes, 30'000u) << "t1 lies in between";
    EXPECT_LT(stats.gap_bytes, 31'000u) << "t3 isn't worth reading";
    EXPECT_EQ(stats.requests, 3u);
    EXPECT_EQ(stats.throttles, 0u);
    EXPECT_EQ(load(engine, source).stats.gap_bytes, 0u);
}

} // namespace
} // namespace tz
