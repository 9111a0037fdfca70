// What the test server does when no fault is asked for.
#include "raw_client.hpp"
#include <tz/tests/support/held.hpp>

#include <gtest/gtest.h>

#include <cstdio>

namespace tz::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

milliseconds since(steady_clock::time_point start) {
    return std::chrono::duration_cast<milliseconds>(steady_clock::now() - start);
}

class HttpServerDefault : public testing::Test {
protected:
    void SetUp() override { server_.put("/b/o", generated_object(1000)); }

    Answer get(const Fields& fields = {}, const std::string& target = "/b/o") const {
        return ask(server_, target, fields);
    }

    std::string content_ = text_of(generated_object(1000).all());
    HttpServer server_;
};

TEST_F(HttpServerDefault, GivesAWholeObject) {
    const Answer answer = get();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, content_);
    EXPECT_EQ(answer.field("Content-Length"), "1000");
    EXPECT_EQ(answer.field("ETag"), server_.object("/b/o")->etag);
    EXPECT_EQ(answer.field("Last-Modified"), "Tue, 14 Nov 2023 22:13:20 GMT");
    EXPECT_EQ(answer.field("Accept-Ranges"), "bytes");
}

TEST_F(HttpServerDefault, GivesTheHeadAlone) {
    RawClient client(server_.port());
    client.ask("/b/o", {}, "HEAD");
    const Answer answer = client.answer(true);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.field("Content-Length"), "1000");
    EXPECT_EQ(client.rest(milliseconds(50)), "");
}

TEST_F(HttpServerDefault, GivesRanges) {
    struct Case {
        const char* range;
        std::size_t first;
        std::size_t bytes;
    };

    for (const Case& one : {
             Case{"bytes=0-0", 0, 1},
             Case{"bytes=10-19", 10, 10},
             Case{"bytes=990-", 990, 10},
             Case{"bytes=-7", 993, 7},
             Case{"bytes=-5000", 0, 1000},
             Case{"bytes=995-2000", 995, 5},
         }) {
        const Answer answer = get({{"Range", one.range}});
        EXPECT_EQ(answer.status, 206) << one.range;
        EXPECT_EQ(answer.body, content_.substr(one.first, one.bytes)) << one.range;
        EXPECT_EQ(
            answer.field("Content-Range"),
            "bytes " + std::to_string(one.first) + "-" + std::to_string(one.first + one.bytes - 1) +
                "/1000");
    }
}

TEST_F(HttpServerDefault, RefusesARangeBehindTheEnd) {
    for (const char* range : {"bytes=1000-", "bytes=5000-6000", "bytes=-0"}) {
        const Answer answer = get({{"Range", range}});
        EXPECT_EQ(answer.status, 416) << range;
        EXPECT_EQ(answer.field("Content-Range"), "bytes */1000");
        EXPECT_NE(answer.body.find("<Code>InvalidRange</Code>"), std::string::npos);
    }
}

TEST_F(HttpServerDefault, TakesWhatIsNoSingleRangeForNone) {
    for (const char* range : {"bytes=5-1", "bytes=a-b", "lines=1-2", "bytes=0-1,4-5", "bytes=-"})
        EXPECT_EQ(get({{"Range", range}}).status, 200) << range;
}

TEST_F(HttpServerDefault, LooksAtConditions) {
    const std::string etag = server_.object("/b/o")->etag;
    const std::string date = "Tue, 14 Nov 2023 22:13:20 GMT";
    const std::string earlier = "Mon, 13 Nov 2023 22:13:20 GMT";
    EXPECT_EQ(get({{"If-Match", etag}, {"Range", "bytes=0-9"}}).status, 206);
    EXPECT_EQ(get({{"If-Match", "*"}}).status, 200);
    EXPECT_EQ(get({{"If-Match", "\"other\""}, {"Range", "bytes=0-9"}}).status, 412);
    EXPECT_EQ(get({{"If-None-Match", etag}}).status, 304);
    EXPECT_EQ(get({{"If-Unmodified-Since", date}}).status, 200);
    EXPECT_EQ(get({{"If-Unmodified-Since", earlier}}).status, 412);
    EXPECT_EQ(get({{"If-Modified-Since", date}}).status, 304);
    EXPECT_EQ(get({{"If-Range", etag}, {"Range", "bytes=0-9"}}).status, 206);
    EXPECT_EQ(get({{"If-Range", "\"other\""}, {"Range", "bytes=0-9"}}).status, 200);
}

TEST_F(HttpServerDefault, SaysWhatIsMissing) {
    const Answer answer = get({}, "/b/none");
    EXPECT_EQ(answer.status, 404);
    EXPECT_NE(answer.body.find("<Code>NoSuchKey</Code>"), std::string::npos);
    server_.remove("/b/o");
    EXPECT_EQ(get().status, 404);
}

TEST_F(HttpServerDefault, GivesAnEmptyObject) {
    server_.put("/empty", held_object({}));
    EXPECT_EQ(get({}, "/empty").status, 200);
    EXPECT_EQ(get({}, "/empty").field("Content-Length"), "0");
    EXPECT_EQ(get({{"Range", "bytes=0-9"}}, "/empty").status, 416);
}

TEST_F(HttpServerDefault, GivesTheEndOfALargeObjectAtOnce) {
    const std::uint64_t bytes = std::uint64_t(20) << 30;
    const Object large = generated_object(bytes, 9);
    server_.put("/large", large);
    std::vector<std::byte> end(1000);
    large.read(bytes - 1000, end);
    const Answer answer = get({{"Range", "bytes=-1000"}}, "/large");
    EXPECT_EQ(answer.body, text_of(end));
    EXPECT_EQ(answer.field("Content-Range"), "bytes 21474835480-21474836479/21474836480");
}

TEST_F(HttpServerDefault, GivesHeldBytes) {
    server_.put("/text", text_object("0123456789"));
    EXPECT_EQ(get({{"Range", "bytes=2-4"}}, "/text").body, "234");
}

TEST_F(HttpServerDefault, GivesAPageToAnyMethod) {
    server_.put_page("/token", {.status = 200, .body = "abc", .fields = {{"x-ttl", "60"}}});
    RawClient client(server_.port());
    client.ask("/token", {{"Content-Length", "4"}}, "PUT");
    client.send("body");
    const Answer answer = client.answer();
    EXPECT_EQ(answer.body, "abc");
    EXPECT_EQ(answer.field("x-ttl"), "60");
    EXPECT_EQ(server_.requests().at(0).body, "body");
}

TEST_F(HttpServerDefault, KeepsAConnectionAndNotesWhatItWasAsked) {
    RawClient client(server_.port());
    for (int i = 0; i < 3; ++i) {
        client.ask("/b/o?versionId=&x=1", {{"range", "bytes=0-4"}, {"Authorization", "it's me"}});
        EXPECT_EQ(client.answer().body, content_.substr(0, 5));
    }
    get();
    const auto requests = server_.requests();
    ASSERT_EQ(requests.size(), 4u);
    EXPECT_EQ(requests[2].number, 2u);
    EXPECT_EQ(requests[2].connection, 0u);
    EXPECT_EQ(requests[2].method, "GET");
    EXPECT_EQ(requests[2].target, "/b/o?versionId=&x=1");
    EXPECT_EQ(requests[2].path, "/b/o");
    EXPECT_EQ(requests[2].parameter("x"), "1");
    EXPECT_EQ(requests[2].range(), "bytes=0-4");
    EXPECT_EQ(requests[2].authorization(), "it's me");
    EXPECT_EQ(requests[2].status, 206);
    EXPECT_GE(requests[3].time, requests[2].time);
    EXPECT_EQ(requests[3].connection, 1u);
    const ServerCounts counts = server_.counts();
    EXPECT_EQ(counts.requests, 4u);
    EXPECT_EQ(counts.connections, 2u);
    EXPECT_GT(counts.bytes_sent, 1015u);
}

TEST_F(HttpServerDefault, ClosesWhenItIsAskedTo) {
    RawClient client(server_.port());
    client.ask("/b/o", {{"Connection", "close"}});
    EXPECT_EQ(client.answer().field("Connection"), "close");
    EXPECT_EQ(client.rest(), "");
    EXPECT_EQ(client.end, RawClient::End::closed);
}

TEST_F(HttpServerDefault, AnswersAWholeUrlAsAProxyIsAsked) {
    EXPECT_EQ(get({}, "http://elsewhere:80/b/o").body, content_);
}

TEST_F(HttpServerDefault, RefusesWhatIsNoRequest) {
    RawClient client(server_.port());
    client.send("hello\r\n\r\n");
    EXPECT_EQ(client.answer().status, 400);
}

TEST(HttpServerOption, KeepsVersions) {
    HttpServer server({.versions = true});
    server.put("/o", text_object("first"));
    server.put("/o", text_object("second"));
    EXPECT_EQ(ask(server, "/o").field("x-amz-version-id"), "version-2");
    EXPECT_EQ(ask(server, "/o").body, "second");
    EXPECT_EQ(ask(server, "/o?versionId=version-1").body, "first");
    const Answer missing = ask(server, "/o?versionId=version-9");
    EXPECT_EQ(missing.status, 404);
    EXPECT_NE(missing.body.find("NoSuchVersion"), std::string::npos);
}

TEST(HttpServerOption, DelaysEachFlight) {
    HttpServer server({.delay = milliseconds(50), .connect_delay = milliseconds(30)});
    server.put("/o", text_object("text"));
    const auto start = steady_clock::now();
    RawClient client(server.port());
    for (int i = 0; i < 2; ++i) {
        client.ask("/o");
        EXPECT_EQ(client.answer().status, 200);
    }
    EXPECT_GE(since(start), milliseconds(130));
}

TEST(HttpServerOption, LetsConnectionsWaitBeyondTheLimit) {
    HttpServer server({.connections_max = 1});
    server.put("/o", text_object("text"));
    auto first = std::make_unique<RawClient>(server.port());
    first->ask("/o");
    EXPECT_EQ(first->answer().body, "text");
    RawClient second(server.port());
    second.ask("/o");
    EXPECT_EQ(second.rest(milliseconds(100)), "");
    first.reset();
    second.set_timeout(std::chrono::seconds(5));
    EXPECT_EQ(second.answer().body, "text");
    EXPECT_EQ(server.counts().open_most, 1u);
}

TEST(HttpServerOption, RefusesConnectionsBeyondTheLimit) {
    HttpServer server({.connections_max = 1, .refuse_more = true});
    server.put("/o", text_object("text"));
    RawClient first(server.port());
    first.ask("/o");
    EXPECT_EQ(first.answer().body, "text");
    RawClient second(server.port());
    EXPECT_EQ(second.rest(), "");
    EXPECT_EQ(second.end, RawClient::End::reset);
}

TEST(HttpServerOption, LimitsTheRateOfAConnection) {
    HttpServer server({.connection_rate = 200'000});
    server.put("/o", generated_object(40'000));
    const auto start = steady_clock::now();
    EXPECT_EQ(ask(server, "/o").body.size(), 40'000u);
    EXPECT_GE(since(start), milliseconds(150)); // the last pieces are not waited for
}

TEST(HttpServerOption, LimitsTheRateOfAllTogether) {
    HttpServer server({.total_rate = 200'000});
    server.put("/o", generated_object(20'000));
    const auto start = steady_clock::now();
    RawClient first(server.port());
    RawClient second(server.port());
    first.ask("/o");
    second.ask("/o");
    EXPECT_EQ(first.answer().body.size(), 20'000u);
    EXPECT_EQ(second.answer().body.size(), 20'000u);
    EXPECT_GE(since(start), milliseconds(150)); // the last pieces are not waited for
}

TEST(HttpServerOption, DeniesWhatAPredicateRefuses) {
    HttpServer server({.deny = [](const Request& request) {
        return request.authorization().starts_with("AWS4-HMAC-SHA256 ") ? "" : "AccessDenied";
    }});
    server.put("/o", text_object("text"));
    EXPECT_EQ(ask(server, "/o", {{"Authorization", "AWS4-HMAC-SHA256 x"}}).status, 200);
    const Answer denied = ask(server, "/o");
    EXPECT_EQ(denied.status, 403);
    EXPECT_NE(denied.body.find("<Code>AccessDenied</Code>"), std::string::npos);
}

TEST(HttpServerOption, ListensOnIpv6) {
    HttpServer server({.address = "::1"});
    EXPECT_EQ(server.url("/x"), "http://[::1]:" + std::to_string(server.port()) + "/x");
    EXPECT_NE(RawClient(server.port()).connect_error(), 0); // on 127.0.0.1 nobody listens
}

TEST(HttpServerOption, IsAProxy) {
    HttpServer server;
    server.put("/o", text_object("text"));
    HttpServer proxy({.tunnel = [&](const Request& request) -> std::uint16_t {
        return request.target == "far.example:443" ? server.port() : 0;
    }});
    RawClient client(proxy.port());
    client.ask("far.example:443", {{"Proxy-Authorization", "Basic eDp5"}}, "CONNECT");
    EXPECT_EQ(client.answer(true).status, 200);
    for (int i = 0; i < 2; ++i) {
        client.ask("/o");
        EXPECT_EQ(client.answer().body, "text");
    }
    EXPECT_EQ(proxy.requests().at(0).field("proxy-authorization"), "Basic eDp5");
    EXPECT_EQ(server.counts().requests, 2u);
    EXPECT_EQ(ask(proxy, "near.example:443", {}, "CONNECT").status, 502);
    proxy.add(Rule{.method = "CONNECT", .faults = {{.amount = 407}}});
    EXPECT_EQ(ask(proxy, "far.example:443", {}, "CONNECT").status, 407);
    server.drop_connections();
    EXPECT_EQ(client.rest(), "");
    EXPECT_EQ(client.end, RawClient::End::closed);
}

TEST(HttpServerScript, CountsForEachRule) {
    HttpServer server;
    server.put("/a", text_object("a"));
    server.put("/b", text_object("b"));
    server.add(Rule{.path = "/a", .first = 1, .last = 1, .faults = {{.amount = 500}}});
    server.add(Rule{.contains = "sign=2", .faults = {{.amount = 403}}});
    server.add(Rule{.method = "HEAD", .faults = {{.amount = 405}}});
    EXPECT_EQ(ask(server, "/a").status, 200);
    EXPECT_EQ(ask(server, "/b").status, 200);
    EXPECT_EQ(ask(server, "/a").status, 500);
    EXPECT_EQ(ask(server, "/a").status, 200);
    EXPECT_EQ(ask(server, "/b?sign=2").status, 403);
    EXPECT_EQ(ask(server, "/b", {}, "HEAD").status, 405);
    server.clear_rules();
    EXPECT_EQ(ask(server, "/b?sign=2").status, 200);
}

TEST(HttpServerEnd, LeavesNothingBehindThoughClientsHang) {
    const Held before = held();
    {
        HttpServerOptions options;
        options.rules.push_back({.path = "/stall", .faults = {{FaultKind::stall_after, 10}}});
        options.rules.push_back({.path = "/mute", .faults = {{FaultKind::no_answer}}});
        options.rules.push_back({.path = "/endless", .faults = {{FaultKind::endless_head}}});
        options.connection_rules.push_back({6, 6, {FaultKind::mute}});
        auto server = std::make_unique<HttpServer>(options);
        for (const char* path : {"/large", "/stall", "/mute", "/endless"})
            server->put(path, generated_object(std::uint64_t(1) << 40));
        std::vector<std::unique_ptr<RawClient>> clients;
        for (const char* path : {"/large", "/stall", "/mute", "/endless", "/large", "", ""}) {
            clients.push_back(std::make_unique<RawClient>(server->port()));
            if (*path != '\0')
                clients.back()->ask(path);
        }
        while (server->counts().requests < 5 || server->counts().connections < 7)
            std::this_thread::sleep_for(milliseconds(1));
        server.reset(); // waits for no client
    }
    EXPECT_EQ(held_soon(before), before);
}

TEST(HttpServerEnd, ForgetsConnectionsThatHaveEnded) {
    HttpServer server;
    server.put("/o", text_object("text"));
    ask(server, "/o");
    const Held before = held();
    for (int i = 0; i < 50; ++i)
        EXPECT_EQ(ask(server, "/o").status, 200);
    while (server.counts().open > 0)
        std::this_thread::sleep_for(milliseconds(1));
    const Held after = held();
    EXPECT_LT(after.descriptors, before.descriptors + 10);
    EXPECT_LT(after.threads, before.threads + 10);
}

} // namespace
} // namespace tz::test
