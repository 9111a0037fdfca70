// Loads of objects over HTTP, as they go when nothing is wrong.
#include "http_load.hpp"
#include <tz/protocols/http_source.hpp>
#include <tz/tests/support/few_descriptors.hpp>
#include <tz/tests/support/held.hpp>
#include <tz/tests/support/sanitizer.hpp>

#include <thread>

namespace tz {
namespace {

using namespace std::chrono_literals;
using test::HttpLoad;
using test::HttpServer;
using test::HttpServerOptions;

TEST_F(HttpLoad, BringsAPlainObject) {
    HttpServer server;
    put(server, "/m.tensors", sample_);
    Engine engine;
    const auto source = open(server.url("/m.tensors"));
    EXPECT_EQ(server.counts().requests, 0u) << "opening asks nothing";
    EXPECT_FALSE(source->bytes_known());
    expect_same(load(engine, source), sample_);
    EXPECT_EQ(source->bytes(), server.object("/m.tensors")->bytes);
    expect_same(load(engine, source), sample_); // and again, now that it is known
    EXPECT_TRUE(logged_.warnings().empty());
    EXPECT_TRUE(logged_.says("/m.tensors: bytes=0-")) << "in detail";
    EXPECT_TRUE(logged_.says(": status 206, "));
}

TEST_F(HttpLoad, BringsAnEncryptedObject) {
    HttpServer server;
    SaveOptions saving;
    saving.key = test::sample_key();
    server.put("/m.tensors", test::held_object(bytes_of(sample_, saving)));
    Engine engine;
    LoadOptions options;
    options.key = test::sample_key();
    expect_same(load(engine, open(server.url("/m.tensors")), options), sample_);
}

TEST_F(HttpLoad, BringsObjectsOverTls) {
    trust_test_ca();
    HttpServerOptions secure;
    secure.tls = test::TlsOptions();
    HttpServer server(secure);
    put(server, "/m.tensors", sample_);
    Engine engine;
    const Loaded loaded = load(engine, open(server.url("/m.tensors")));
    expect_same(loaded, sample_);
    EXPECT_TRUE(server.url("/m.tensors").starts_with("https://"));
}

TEST_F(HttpLoad, RefusesACertificateThatItCannotTrustWithoutTryingAgain) {
    HttpServerOptions secure;
    secure.tls = test::TlsOptions();
    HttpServer server(secure);
    put(server, "/m.tensors", sample_);
    Engine engine;
    const auto error = test::error_of([&] { load(engine, open(server.url("/m.tensors"))); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::transport);
    EXPECT_EQ(server.counts().connections, 1u);
    network_.transport.insecure = true;
    expect_same(load(engine, open(server.url("/m.tensors"))), sample_);
    EXPECT_TRUE(logged_.says("not verified"));
}

TEST_F(HttpLoad, SaysThatThereIsNoDescriptorToWaitWith) {
    if (test::sanitized)
        GTEST_SKIP() << "UndefinedBehaviorSanitizer looks at memory through a pipe";
    HttpServer server;
    put(server, "/m.tensors", sample_);
    EngineOptions options;
    options.io = Io::threads; // a loop of these has opened nothing yet
    Engine engine(options);
    const auto source = open(server.url("/m.tensors"));
    std::optional<Error> error;
    {
        const test::FewDescriptors none(0);
        error = test::error_of([&] { load(engine, source); });
    }
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::io);
    EXPECT_NE(std::string(error->what()).find("Too many open files"), std::string::npos);
    EXPECT_NE(error->hint().find("ulimit -n"), std::string::npos);
    expect_same(load(engine, source), sample_); // now that there are some
}

TEST_F(HttpLoad, StartsWithAFewLanesWhereTheFirstAnswerComesSoon) {
    HttpServer server;
    put(server, "/m.tensors", sample_);
    Engine engine;
    const auto lanes = [&](HttpServer& of) {
        return load(engine, open(of.url("/m.tensors"))).stats.lanes;
    };
    unsigned tries = 1; // on a busy machine the answer may be late
    while (lanes(server) != near_preference.lanes && tries < 100)
        ++tries;
    EXPECT_LT(tries, 100u);

    HttpServer far({.delay = 2 * near_latency});
    put(far, "/m.tensors", sample_);
    EXPECT_EQ(lanes(far), remote_preference.lanes);
}

TEST_F(HttpLoad, GoesOnWithTheConnectionThatBroughtTheIndex) {
    HttpServer server;
    put(server, "/m.tensors", sample_);
    Engine engine;
    const Loaded loaded = load(engine, open(server.url("/m.tensors")));
    EXPECT_EQ(loaded.stats.connections, server.counts().connections);
    EXPECT_EQ(loaded.stats.requests, server.counts().requests);
    EXPECT_EQ(loaded.stats.requests, 2u);
    EXPECT_EQ(loaded.stats.connections, 1u);
    // all but the terminator
    EXPECT_GE(loaded.stats.read_bytes + 8, server.object("/m.tensors")->bytes);
}

TEST_F(HttpLoad, ServesAllObjectsOfAHostWithTheConnectionsOfItsLanes) {
    HttpServer server;
    std::vector<std::shared_ptr<const Source>> sources;
    std::vector<test::Sample> samples;
    for (int i = 0; i < 12; ++i) {
        samples.emplace_back(std::vector<std::size_t>{100'000, 50}, i);
        const std::string path = "/" + std::to_string(i);
        put(server, path, samples.back());
        sources.push_back(open(server.url(path)));
    }
    EngineOptions options;
    options.concurrency = 3;
    Engine engine(options);
    const LoadedFiles loaded = load(engine, sources);
    for (std::size_t i = 0; i < sources.size(); ++i)
        expect_same(loaded.files[i], samples[i]);
    EXPECT_LE(server.counts().connections, 3u);
}

TEST_F(HttpLoad, PinsTheVersionOfTheFirstAnswer) {
    HttpServer server;
    put(server, "/m.tensors", sample_);
    Engine engine;
    load(engine, open(server.url("/m.tensors")));
    const auto requests = server.requests();
    ASSERT_EQ(requests.size(), 2u);
    EXPECT_EQ(requests[0].if_match(), "");
    EXPECT_EQ(requests[1].if_match(), server.object("/m.tensors")->etag);
    EXPECT_EQ(requests[0].field("Accept-Encoding"), "identity");
}

TEST_F(HttpLoad, NoticesThatTheObjectWasReplacedBetweenLoads) {
    HttpServer server;
    put(server, "/m.tensors", sample_);
    Engine engine;
    const auto source = open(server.url("/m.tensors"));
    expect_same(load(engine, source), sample_);
    put(server, "/m.tensors", test::Sample({1000, 300'000, 0, 70'000}, 7));
    const auto error = test::error_of([&] { load(engine, source); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::object_changed);
    EXPECT_EQ(error->source(), source->name());
}

TEST_F(HttpLoad, BringsTheFirstTensorInThreeFlights) {
    constexpr auto flight = 200ms;
    network_.transport.first_byte_timeout = 5s; // the server's pause after accepting counts in it
    HttpServerOptions slow;
    slow.delay = flight;
    slow.connect_delay = flight;
    HttpServer server(slow);
    put(server, "/m.tensors", test::Sample({1000, 3 << 20, 3 << 20}));
    Engine engine;
    LoadOptions options;
    std::optional<std::chrono::steady_clock::time_point> first;
    options.deliver = [&first](const Delivered&) {
        if (!first)
            first = std::chrono::steady_clock::now();
    };
    const auto began = std::chrono::steady_clock::now();
    load(engine, open(server.url("/m.tensors")), options);
    ASSERT_TRUE(first);
    EXPECT_LT(*first - began, 4 * flight) << "a connection, the index, the data";
}

TEST_F(HttpLoad, FinishesWithAServerThatServesTwoConnections) {
    for (const bool refuse : {false, true}) {
        HttpServerOptions narrow;
        narrow.connections_max = 2;
        narrow.refuse_more = refuse;
        HttpServer server(narrow);
        const test::Sample sample(std::vector<std::size_t>(1000, 20'000));
        put(server, "/m.tensors", sample);
        EngineOptions options;
        options.chunk_bytes = 64 << 10;
        Engine engine(options);
        expect_same(load(engine, open(server.url("/m.tensors"))), sample);
        EXPECT_LE(server.counts().open_most, 2u);
    }
}

TEST_F(HttpLoad, FinishesWithAServerThatClosesAfterEachAnswer) {
    HttpServer server;
    const test::Sample sample(std::vector<std::size_t>(100, 20'000));
    put(server, "/m.tensors", sample);
    test::Rule rule;
    rule.faults.push_back({test::FaultKind::connection_close});
    server.add(rule);
    EngineOptions options;
    options.chunk_bytes = 64 << 10;
    Engine engine(options);
    const Loaded loaded = load(engine, open(server.url("/m.tensors")));
    expect_same(loaded, sample);
    EXPECT_EQ(loaded.stats.connections, loaded.stats.requests);
    EXPECT_EQ(loaded.stats.retries, 0u);
}

TEST_F(HttpLoad, LoadsAFileAndAnObjectTogether) {
    HttpServer server;
    const test::Sample other({5000, 1 << 20}, 9);
    put(server, "/m.tensors", sample_);
    save(folder_ / "file", other.views);
    const std::vector<std::shared_ptr<const Source>> sources{
        open(server.url("/m.tensors")), open(folder_ / "file")};
    Engine engine;
    const LoadedFiles loaded = load(engine, sources);
    expect_same(loaded.files[0], sample_);
    expect_same(loaded.files[1], other);
}

TEST_F(HttpLoad, EndsAtOnceWhenItIsStopped) {
    HttpServer server;
    put(server, "/m.tensors", sample_);
    network_.transport.first_byte_timeout = 60s;
    const auto before = test::held();
    for (const auto kind : {test::FaultKind::no_answer, test::FaultKind::stall_after}) {
        server.clear_rules();
        test::Rule rule;
        rule.first = 1;
        rule.faults.push_back({.kind = kind, .at = 1000});
        server.add(rule);
        Engine engine;
        LoadOptions options;
        std::stop_source stop;
        options.stop = stop.get_token();
        std::thread stopper([&] {
            std::this_thread::sleep_for(100ms);
            stop.request_stop();
        });
        const auto began = std::chrono::steady_clock::now();
        const auto error =
            test::error_of([&] { load(engine, open(server.url("/m.tensors")), options); });
        stopper.join();
        ASSERT_TRUE(error);
        EXPECT_EQ(error->kind(), errc::cancelled);
        EXPECT_LT(std::chrono::steady_clock::now() - began, 30s);
    }
    server.drop_connections();
    EXPECT_LE(test::held_soon(before).descriptors, before.descriptors + 1);
}

TEST_F(HttpLoad, WarnsOnceOfAnObjectWhoseChangeCannotBeNoticed) {
    HttpServer server;
    put(server, "/m.tensors", sample_);
    test::Rule rule;
    rule.faults = {{test::FaultKind::no_etag}, {test::FaultKind::no_last_modified}};
    server.add(rule);
    Engine engine;
    expect_same(load(engine, open(server.url("/m.tensors"))), sample_);
    EXPECT_EQ(logged_.warnings().size(), 1u);
    EXPECT_TRUE(logged_.says("no ETag"));
}

TEST_F(HttpLoad, WarnsOnceThatItHadToAskAgainAndAgain) {
    HttpServer server;
    put(server, "/m.tensors", sample_);
    test::Rule rule;
    rule.last = 3;
    rule.faults = {{.kind = test::FaultKind::status, .amount = 503}};
    server.add(rule);
    Engine engine;
    expect_same(load(engine, open(server.url("/m.tensors"))), sample_);
    const auto warnings = logged_.warnings();
    ASSERT_EQ(warnings.size(), 1u);
    EXPECT_NE(warnings[0].find("503"), std::string::npos) << warnings[0];
    EXPECT_NE(warnings[0].find("; try 5 of 5 in "), std::string::npos) << warnings[0];
}

TEST_F(HttpLoad, TakesARefusalOfAnyRangeForAnEmptyObjectIfItIsOne) {
    HttpServer server;
    server.put("/empty", test::held_object({}));
    put(server, "/m.tensors", sample_);
    for (const char* path : {"/empty", "/m.tensors"}) { // the first request to each
        const test::Fault bare{.kind = test::FaultKind::not_satisfiable_bare};
        server.add(test::Rule{.path = path, .last = 0, .faults = {bare}});
    }
    Engine engine;
    const auto error = test::error_of([&] { load(engine, open(server.url("/empty"))); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::format) << error->what();
    expect_same(load(engine, open(server.url("/m.tensors"))), sample_);
}

} // namespace
} // namespace tz
