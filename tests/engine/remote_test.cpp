// Loads from sources that behave like objects on a server.
#include <tz/engine/load.hpp>
#include <tz/tests/support/remote_load.hpp>

#include <gtest/gtest.h>

#include <optional>

namespace tz {
namespace {

using namespace std::chrono_literals;

using RemoteTest = test::RemoteTest;

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
    host_->flight = 300ms;
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

TEST_F(RemoteTest, LoadsIntoEveryKindOfMemory) {
    const test::Sample sample({5 << 20, 100, 0, 70'000});
    Engine engine;
    const auto source = object(sample);
    LoadOptions options;
    options.memory = Memory::mapped; // there is nothing to map
    const Loaded owned = load(engine, source, options);
    expect_same(owned, sample);
    EXPECT_EQ(owned.stats.mapped_bytes, 0u);

    std::vector<std::vector<std::byte>> given;
    for (const auto& data : sample.data)
        given.emplace_back(data.size());
    options.memory = Memory::given;
    std::size_t next = 0;
    options.destination = [&](std::size_t, const format::Tensor&) {
        return std::span(given[next++]);
    };
    load(engine, source, options);
    EXPECT_EQ(given, sample.data);

    LoadOptions nowhere;
    nowhere.memory = Memory::none;
    nowhere.verify = Verify::all;
    EXPECT_EQ(load(engine, source, nowhere).stats.tensors, 4u);
}

TEST_F(RemoteTest, PassesOnWhatAServerSaysAtAnyRequest) {
    const test::Sample sample(std::vector<std::size_t>(20, 1 << 20));
    Engine engine;
    for (std::uint64_t bad = 0; bad < 6; ++bad) {
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

/// Paced at random, with everything that lanes wait for each other for: headers, hashes in order,
/// and memory beside the staging.
TEST_F(RemoteTest, CountsWhatItReadsThrough) {
    SaveOptions packed;
    packed.alignment = 1;
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
