// Requests that are sent once more since their answer is late: from loads of a server whose faults
// delay the first byte.
#include "http_load.hpp"
#include <tz/tests/support/held.hpp>

#include <cstdint>
#include <random>
#include <thread>

namespace tz {
namespace {

using namespace std::chrono_literals;
using test::Fault;
using test::FaultKind;
using test::HttpLoad;
using test::HttpServer;
using test::HttpServerOptions;

/// An answer whose delay ends after every test.
constexpr auto never = 60s;

class HttpHedge : public HttpLoad {
protected:
    HttpHedge() {
        network_.hedge = true;
        network_.transport.first_byte_timeout = never;
        network_.transport.connect_timeout = 10s;
        network_.transport.stall_time = 10s;
    }

    /// What the requests meet, from the first one after the index on.
    static void after_index(HttpServer& server, const std::vector<std::vector<Fault>>& faults) {
        for (std::size_t i = 0; i < faults.size(); ++i)
            server.add(test::Rule{.first = i + 1, .last = i + 1, .faults = faults[i]});
    }

    static Fault silent(std::chrono::milliseconds time = never) {
        return {.kind = FaultKind::no_answer, .time = time};
    }

    /// By one lane: one request for the index, one for the data.
    Loaded load_by_one_lane(const HttpServer& server) {
        EngineOptions options;
        options.concurrency = 1;
        Engine engine(options);
        Loaded loaded = load(engine, open(server.url("/m")));
        expect_same(loaded, sample_);
        return loaded;
    }

    /// The same, where the server knows of each request, and nobody waits for an answer to the end.
    Loaded load_from(const HttpServer& server) {
        const auto began = std::chrono::steady_clock::now();
        Loaded loaded = load_by_one_lane(server);
        EXPECT_LT(std::chrono::steady_clock::now() - began, never / 2);
        EXPECT_EQ(loaded.stats.requests, server.counts().requests);
        return loaded;
    }

    void stop_after(
        std::chrono::milliseconds time,
        std::chrono::milliseconds connecting,
        const std::vector<std::byte>& object) const {
        HttpServerOptions slow;
        slow.connect_delay = connecting;
        HttpServer server(slow);
        server.put("/m", test::held_object(object));
        server.add(test::Rule{.first = 1, .faults = {silent()}});
        EngineOptions options;
        options.concurrency = 1;
        Engine engine(options);
        std::stop_source stop;
        LoadOptions loading;
        loading.stop = stop.get_token();
        std::thread stopper([&] {
            while (server.counts().requests < 2)
                std::this_thread::sleep_for(1ms);
            std::this_thread::sleep_for(time);
            stop.request_stop();
        });
        const auto source = tz::open(server.url("/m"), network_);
        const auto error = test::error_of([&] { load(engine, source, loading); });
        stopper.join();
        ASSERT_TRUE(error);
        EXPECT_EQ(error->kind(), errc::cancelled) << error->what();
    }
};

TEST_F(HttpHedge, BringsWhatALateAnswerHoldsUp) {
    trust_test_ca();
    for (const bool tls : {false, true}) {
        HttpServerOptions options;
        if (tls)
            options.tls = test::TlsOptions();
        HttpServer server(options);
        put(server, "/m", sample_);
        after_index(server, {{silent()}});
        const Loaded loaded = load_from(server);
        EXPECT_EQ(loaded.stats.hedged, 1u);
        EXPECT_EQ(loaded.stats.hedges_won, 1u);
        EXPECT_EQ(loaded.stats.retries, 0u);
        EXPECT_EQ(loaded.stats.connections, 2u);
        const auto requests = server.requests();
        ASSERT_EQ(requests.size(), 3u);
        EXPECT_EQ(requests[1].range(), requests[2].range());
        EXPECT_EQ(requests[1].if_match(), requests[2].if_match());
        EXPECT_FALSE(requests[2].if_match().empty());
        EXPECT_NE(requests[1].connection, requests[2].connection);
    }
}

TEST_F(HttpHedge, IsOffUnlessItIsAskedFor) {
    EXPECT_FALSE(NetworkOptions().hedge);
    network_.hedge = false;
    HttpServer server;
    put(server, "/m", sample_);
    after_index(server, {{silent(2500ms)}});
    EXPECT_EQ(load_from(server).stats.hedged, 0u);
    EXPECT_EQ(server.counts().requests, 2u);
}

TEST_F(HttpHedge, GivesWayToTheFirstAnswer) {
    HttpServer server;
    put(server, "/m", sample_);
    after_index(server, {{silent(4s)}, {silent()}});
    const Loaded loaded = load_from(server);
    EXPECT_EQ(loaded.stats.hedged, 1u);
    EXPECT_EQ(loaded.stats.hedges_won, 0u);
    EXPECT_EQ(loaded.stats.retries, 0u);
    // the server waits long to answer the second, and ends when its connection is closed
    const auto until = std::chrono::steady_clock::now() + never / 2;
    while (server.counts().open > 0 && std::chrono::steady_clock::now() < until)
        std::this_thread::sleep_for(1ms);
    EXPECT_EQ(server.counts().open, 0u);
}

TEST_F(HttpHedge, TakesNoHarmFromAServerThatServesOneConnection) {
    HttpServerOptions narrow;
    narrow.connections_max = 1;
    HttpServer server(narrow);
    put(server, "/m", sample_);
    after_index(server, {{silent(2500ms)}});
    const Loaded loaded = load_by_one_lane(server);
    EXPECT_EQ(loaded.stats.hedges_won, 0u);
    EXPECT_EQ(loaded.stats.retries, 0u);
}

TEST_F(HttpHedge, StandsInForAnAnswerThatFailsMeanwhile) {
    HttpServer server;
    put(server, "/m", sample_);
    after_index(server, {{silent(4s), {.kind = FaultKind::close_unanswered}}, {silent(5s)}});
    const Loaded loaded = load_from(server);
    EXPECT_EQ(loaded.stats.hedges_won, 1u);
    EXPECT_EQ(loaded.stats.retries, 0u);
    EXPECT_EQ(server.counts().requests, 3u);
}

TEST_F(HttpHedge, IsAnsweredWithARedirectLikeAnyRequest) {
    HttpServer server;
    put(server, "/m", sample_);
    put(server, "/else", sample_);
    after_index(
        server, {{silent()}, {{.kind = FaultKind::redirect, .amount = 302, .text = "/else"}}});
    const Loaded loaded = load_from(server);
    EXPECT_EQ(loaded.stats.hedges_won, 1u);
    EXPECT_EQ(server.requests().back().path, "/else");
}

TEST_F(HttpHedge, IsRefusedLikeAnyRequest) {
    HttpServer server;
    put(server, "/m", sample_);
    after_index(server, {{silent()}, {{.kind = FaultKind::status, .amount = 403}}});
    const auto error = test::error_of([&] { load_from(server); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::denied);
    EXPECT_EQ(server.counts().requests, 3u);
}

TEST_F(HttpHedge, ThatIsNotAnsweredEitherLeavesTheErrorOfTheFirst) {
    network_.transport.first_byte_timeout = 2500ms;
    network_.retry.tries_max = 2;
    for (const bool always : {false, true}) {
        HttpServer server;
        put(server, "/m", sample_);
        after_index(server, {{silent()}, {silent()}, {silent(always ? never : 1ms)}});
        std::optional<Loaded> loaded;
        const auto error = test::error_of([&] { loaded = load_from(server); });
        EXPECT_EQ(server.counts().requests, 4u) << "index, both, and one more try";
        EXPECT_EQ(error.has_value(), always);
        if (loaded) {
            EXPECT_EQ(loaded->stats.hedged, 1u);
            EXPECT_EQ(loaded->stats.retries, 1u);
        }
        if (error) {
            EXPECT_EQ(error->kind(), errc::transport);
            const std::string text = error->what();
            EXPECT_NE(text.find("no answer within 2500 ms, after 2 tries"), text.npos) << text;
        }
    }
}

TEST_F(HttpHedge, ThatCannotConnectLeavesTheFirstAnswer) {
    HttpServer server;
    put(server, "/m", sample_);
    after_index(server, {{silent(2500ms)}});
    test::ConnectionRule drop;
    drop.first = 1;
    drop.fault = {.kind = FaultKind::drop_reset};
    server.add(drop);
    const Loaded loaded = load_by_one_lane(server);
    EXPECT_EQ(loaded.stats.hedges_won, 0u);
    EXPECT_EQ(loaded.stats.retries, 0u);
}

TEST_F(HttpHedge, IsOfOneRequestAtATime) {
    HttpServer server;
    const test::Sample sample(std::vector<std::size_t>(8, 64 << 10));
    put(server, "/m", sample);
    test::Rule rule;
    rule.first = 1;
    rule.faults.push_back(silent(2500ms));
    server.add(rule);
    EngineOptions options;
    options.concurrency = 8;
    options.chunk_bytes = 64 << 10;
    Engine engine(options);
    const Loaded loaded = load(engine, open(server.url("/m")));
    expect_same(loaded, sample);
    EXPECT_EQ(loaded.stats.hedged, 1u) << "one, and 5 % of a few requests are none";
}

/// Loads that are stopped around the time of their second request, each with a server of its own,
/// as a host has one second request at a time.
TEST_F(HttpHedge, LeavesNothingBehindWhenTheLoadIsStopped) {
    const auto object = bytes_of(sample_);
    const std::uint64_t seed = test::seed();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::minstd_rand random(static_cast<unsigned>(seed));
    const auto before = test::held();
    std::vector<std::thread> loads;
    for (int i = 0; i < 16; ++i) {
        const auto time = std::chrono::milliseconds(950 + random() % 200);
        const auto connecting = std::chrono::milliseconds(i % 2 * (random() % 100));
        loads.emplace_back([=, this] { stop_after(time, connecting, object); });
    }
    for (std::thread& one : loads)
        one.join();
    EXPECT_EQ(test::held_soon(before), before);
}

} // namespace
} // namespace tz
