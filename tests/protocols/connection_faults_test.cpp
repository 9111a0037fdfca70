#include "../support/files.hpp"
#include "client.hpp"
#include "raw_server.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <poll.h>
#include <thread>

namespace tz {

namespace {

using namespace test;
using std::chrono::milliseconds;

TEST(Connection, TellsHowMuchCameBeforeTheEnd) {
    const std::string body = pattern(1 << 20);
    for (const std::size_t cut : {0UL, 1UL, 20000UL, 500000UL, (1UL << 20) - 1}) {
        const std::string reply = reply_with(body);
        RawServer server(answers_and_ends(reply.substr(0, reply.size() - body.size() + cut)));
        Client client;
        client.peer = peer_at(server.port());
        const Failure failure = failure_of(get_body(client));
        EXPECT_FAULT(failure, body, closed_early);
        EXPECT_EQ(failure.fault.received, cut);
        EXPECT_EQ(client.received, cut);
        EXPECT_EQ(text_of(client.body).substr(0, cut), body.substr(0, cut));
        EXPECT_TRUE(failure.fault.repeatable);
        EXPECT_FALSE(failure.fault.stale());
    }
}

TEST(Connection, TellsAReset) {
    const std::string body = pattern(1 << 20);
    RawServer server([&](RawPeer& peer) {
        peer.request();
        peer.send(reply_with(body).substr(0, 1000));
        std::this_thread::sleep_for(milliseconds(50));
        peer.reset();
    });
    Client client;
    client.peer = peer_at(server.port());
    const Failure failure = failure_of(get_body(client));
    EXPECT_FAULT(failure, body, reset);
    EXPECT_GT(failure.fault.received, 0U);
}

class Stalls : public testing::TestWithParam<int> {};

TEST_P(Stalls, EndInTime) {
    const std::string reply = reply_with(pattern(1 << 20));
    RawServer server([&](RawPeer& peer) {
        peer.request();
        if (GetParam() > 0)
            peer.send(reply.substr(0, GetParam() == 1 ? 10 : 500000));
        while (GetParam() == 3 && peer.send("a"))
            std::this_thread::sleep_for(milliseconds(10));
        peer.drain();
    });
    Client client;
    client.peer = peer_at(server.port());
    client.options.first_byte_timeout = milliseconds(200);
    client.options.stall_time = milliseconds(250);
    const auto before = std::chrono::steady_clock::now();
    const Failure failure = failure_of(get_body(client));
    const auto took = std::chrono::steady_clock::now() - before;
    EXPECT_GE(took, milliseconds(190));
    EXPECT_LT(took, milliseconds(30000)); // the server never ends
    if (GetParam() < 2) {
        EXPECT_FAULT(failure, first_byte, timed_out);
        EXPECT_NE(failure.what.find("200 ms"), std::string::npos) << failure.what;
    } else {
        EXPECT_FAULT(failure, body, stalled);
        EXPECT_GT(failure.fault.received, 400000U);
    }
}

INSTANTIATE_TEST_SUITE_P(Connection, Stalls, testing::Range(0, 4));

TEST(Connection, IsNotStalledWhileEnoughComes) {
    const std::string reply = reply_with(pattern(200000));
    RawServer server([&](RawPeer& peer) {
        peer.request();
        for (std::size_t at = 0; at < reply.size(); at += 20000) {
            peer.send(reply.substr(at, 20000));
            std::this_thread::sleep_for(milliseconds(40));
        }
        peer.drain();
    });
    Client client;
    client.peer = peer_at(server.port());
    client.options.stall_time = milliseconds(150);
    run(get_body(client));
    EXPECT_EQ(client.received, 200000U);
}

TEST(Connection, TellsAServerThatDoesNotTakeTheRequest) {
    RawServer server([](RawPeer& peer) { // reads nothing
        pollfd gone{peer.file(), POLLRDHUP, 0};
        ::poll(&gone, 1, 10000);
    });
    Client client;
    client.peer = peer_at(server.port());
    client.options.stall_time = milliseconds(200);
    client.request.method = "POST";
    client.request.body.resize(64 << 20);
    const Failure failure = failure_of(get_text(client));
    EXPECT_FAULT(failure, send, timed_out);
    EXPECT_FALSE(failure.fault.repeatable);
}

/// Another wait of the same loop says that it has waited long enough.
awaitable<void> get_body_until_told(Client& client) {
    auto connection = co_await Connection::open(client.peer, client.options, nullptr);
    asio::steady_timer timer(co_await asio::this_coro::executor, milliseconds(100));
    timer.async_wait([&](error_code) { connection->end_by(Connection::Clock::now()); });
    co_await read_whole(*connection, client);
}

TEST(Connection, EndsAnOperationThatIsUnderWay) {
    const std::string reply = reply_with(pattern(1 << 20));
    for (const std::size_t sent : {std::size_t{0}, std::size_t{500'000}}) {
        RawServer server([&](RawPeer& peer) {
            peer.request();
            peer.send(reply.substr(0, sent));
            peer.drain();
        });
        Client client;
        client.peer = peer_at(server.port());
        client.options.first_byte_timeout = std::chrono::minutes(2);
        client.options.stall_time = std::chrono::minutes(2);
        const Failure failure = failure_of(get_body_until_told(client));
        EXPECT_EQ(failure.fault.cause, TransportCause::timed_out);
        EXPECT_NE(failure.what.find("the whole request"), std::string::npos) << failure.what;
    }
}

awaitable<void> twice(Client& client) {
    auto connection = co_await Connection::open(client.peer, client.options, nullptr);
    co_await read_whole(*connection, client);
    co_await read_whole(*connection, client);
}

TEST(Connection, KnowsARaceWithAServerThatCloses) {
    for (const bool reset : {false, true}) {
        RawServer server([&](RawPeer& peer) {
            peer.request();
            peer.send(reply_with("x"));
            peer.request();
            if (reset)
                peer.reset();
        });
        Client client;
        client.peer = peer_at(server.port());
        const Failure failure = failure_of(twice(client));
        if (reset)
            EXPECT_FAULT(failure, first_byte, reset);
        else
            EXPECT_FAULT(failure, first_byte, closed_early);
        EXPECT_TRUE(failure.fault.stale());
        client.request.method = "POST";
        const Failure unsafe = failure_of(twice(client));
        EXPECT_FALSE(unsafe.fault.stale());
    }
    RawServer server([](RawPeer& peer) { peer.request(); });
    Client client;
    client.peer = peer_at(server.port());
    const Failure failure = failure_of(get_body(client));
    EXPECT_FAULT(failure, first_byte, closed_early);
    EXPECT_FALSE(failure.fault.stale()) << "the first request on a connection";
}

awaitable<void> get_and_wait(Client& client) {
    auto connection = co_await Connection::open(client.peer, client.options, nullptr);
    co_await read_whole(*connection, client);
    asio::steady_timer timer(co_await asio::this_coro::executor, milliseconds(100));
    co_await timer.async_wait(use_awaitable);
    client.reusable = connection->reusable();
    co_await read_whole(*connection, client);
}

TEST(Connection, SeesBeforehandThatTheServerHasClosed) {
    RawServer server([](RawPeer& peer) {
        peer.request();
        peer.send(reply_with("x"));
    });
    Client client;
    client.peer = peer_at(server.port());
    const Failure failure = failure_of(get_and_wait(client));
    EXPECT_FALSE(client.reusable);
    EXPECT_TRUE(failure.fault.stale());
}

} // namespace

} // namespace tz
