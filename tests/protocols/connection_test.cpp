#include "../support/files.hpp"
#include "client.hpp"
#include "raw_server.hpp"

#include <chrono>
#include <thread>

namespace tz {

namespace {

using namespace test;
using std::chrono::milliseconds;

awaitable<void> scattered(Client& client, std::vector<std::vector<std::byte>>& parts) {
    auto connection = co_await Connection::open(client.peer, client.options, nullptr);
    for (int turn = 0; turn < 2; ++turn) {
        client.head = co_await connection->exchange(client.request);
        // two calls, the second with the rest, as a lane resumes
        std::vector<std::span<std::byte>> spans;
        for (auto& part : parts)
            spans.emplace_back(part);
        const std::span<const std::span<std::byte>> all(spans);
        co_await connection->read_body(all.first(1));
        EXPECT_EQ(connection->body_received(), parts[0].size());
        EXPECT_FALSE(connection->reusable());
        co_await connection->read_body(all.subspan(1));
        EXPECT_TRUE(connection->reusable());
        EXPECT_EQ(connection->served(), static_cast<std::uint64_t>(turn) + 1);
    }
}

TEST(Connection, ScattersBodiesOverSpansAndIsKeptAlive) {
    const std::string body = pattern(3 << 20);
    RawServer server(answers(reply_with(body)));
    Client client;
    client.peer = peer_at(server.port());
    std::vector<std::vector<std::byte>> parts;
    std::size_t left = body.size();
    for (std::size_t size : {5UL, 0UL, 100000UL, 1UL, 70000UL}) {
        parts.emplace_back(size);
        left -= size;
    }
    parts.emplace_back(left);
    run(scattered(client, parts));
    std::string got;
    for (const auto& part : parts)
        got += text_of(part);
    EXPECT_EQ(got, body);
    EXPECT_EQ(server.connections(), 1);
}

TEST(Connection, SendsTheRequestAsAskedAndNothingTwice) {
    std::string seen;
    RawServer server([&](RawPeer& peer) {
        seen = peer.request();
        peer.send(reply_with("x"));
        peer.drain();
    });
    Client client;
    client.peer = peer_at(server.port());
    client.request.target = "/a%20b?c=d";
    client.request.headers = {{"Range", "bytes=0-1"}, {"user-agent", "mine"}};
    run(get_text(client));
    EXPECT_EQ(
        seen,
        "GET /a%20b?c=d HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
            "\r\nRange: bytes=0-1\r\nuser-agent: mine\r\nAccept-Encoding: identity\r\n\r\n");
    EXPECT_EQ(client.text, "x");
    EXPECT_TRUE(client.reusable);
}

TEST(Connection, RefusesToSendWhatWouldBeTwoRequests) {
    RawServer server(answers(reply_with("x")));
    const std::string evil = "a\r\nSecret: b";
    for (int place = 0; place < 5; ++place) {
        Client client;
        client.peer = peer_at(server.port());
        if (place == 0)
            client.request.target = evil;
        else if (place == 1)
            client.request.method = evil;
        else if (place == 2)
            client.request.host = evil;
        else
            client.request.headers = {{place == 3 ? evil : "Name", place == 3 ? "v" : evil}};
        const auto error = error_of([&] { run(get_text(client)); });
        ASSERT_TRUE(error) << place;
        EXPECT_EQ(error->kind(), errc::usage);
        EXPECT_EQ(std::string(error->what()).find("Secret"), std::string::npos);
    }
}

TEST(Connection, CutsTextAtItsLimit) {
    const std::string text = pattern(100000);
    const std::string chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n" + text + "\r\n0\r\n\r\n";
    for (const std::string& reply : {reply_with(text), chunked, "HTTP/1.1 500 Oh\r\n\r\n" + text}) {
        for (const std::size_t max : {0UL, 10UL, 99999UL, 100000UL}) {
            RawServer server(answers_and_ends(reply));
            Client client;
            client.peer = peer_at(server.port());
            client.text_max = max;
            run(get_text(client));
            EXPECT_EQ(client.text, text.substr(0, max));
            EXPECT_EQ(client.whole, max == text.size());
        }
    }
}

TEST(Connection, IsNotReusedWhereTheServerSaysSoOrSaidTooMuch) {
    for (const std::string& reply :
         {reply_with("x", "Connection: close\r\n"),
          reply_with("x") + "y",
          std::string("HTTP/1.1 200 OK\r\n\r\nx")}) {
        RawServer server(answers_and_ends(reply));
        Client client;
        client.peer = peer_at(server.port());
        run(get_text(client));
        EXPECT_EQ(client.text, "x");
        EXPECT_FALSE(client.reusable);
    }
}

awaitable<void>
one_call(Client& client, std::chrono::milliseconds timeout, std::size_t max, HttpReply& reply) {
    reply = co_await call(client.peer, client.request, client.options, nullptr, timeout, max);
}

TEST(Connection, CallsForAWholeSmallAnswer) {
    RawServer server(answers(reply_with("{}")));
    Client client;
    client.peer = peer_at(server.port());
    HttpReply reply;
    run(one_call(client, milliseconds(5000), 2, reply));
    EXPECT_EQ(reply.head.status, 200U);
    EXPECT_EQ(reply.body, "{}");
    const Failure large = failure_of(one_call(client, milliseconds(5000), 1, reply));
    EXPECT_FAULT(large, body, protocol);
}

TEST(Connection, EndsACallInItsTimeHoweverSlowTheServer) {
    RawServer server([](RawPeer& peer) {
        peer.request();
        const std::string text = reply_with(pattern(1 << 20));
        for (std::size_t at = 0; peer.send(text.substr(at, 1000)); at += 1000)
            std::this_thread::sleep_for(milliseconds(100)); // nearly two minutes for all
    });
    Client client;
    client.peer = peer_at(server.port());
    client.options.stall_bytes = 1;
    HttpReply reply;
    const auto before = std::chrono::steady_clock::now();
    const Failure failure = failure_of(one_call(client, milliseconds(300), 2 << 20, reply));
    EXPECT_FAULT(failure, body, timed_out);
    EXPECT_LT(std::chrono::steady_clock::now() - before, milliseconds(30000));
}

} // namespace

} // namespace tz
