// Requests with large payloads.
#include "client.hpp"
#include "raw_server.hpp"
#include "tls_fixture.hpp"

#include <chrono>
#include <poll.h>
#include <thread>

namespace tz {

namespace {

using namespace test;
using std::chrono::milliseconds;

/// What a client sends: a head, and then `bytes` more.
std::string payload_of(RawPeer& peer, std::size_t bytes) {
    std::string text(bytes, '\0');
    std::size_t got = 0;
    while (got < bytes) {
        const long n = peer.read(text.data() + got, bytes - got);
        if (n <= 0)
            break;
        got += static_cast<std::size_t>(n);
    }
    text.resize(got);
    return text;
}

struct Sending : Client {
    explicit Sending(std::size_t bytes) : sent(pattern(bytes)) {
        request.method = "PUT";
        request.payload = std::as_bytes(std::span(sent));
    }

    std::string sent;
};

awaitable<void> put_twice(Client& client) {
    auto connection = co_await Connection::open(client.peer, client.options, client.tls);
    for (int i = 0; i < 2; ++i) {
        client.head = co_await connection->exchange(client.request);
        client.text = co_await connection->read_text(client.text_max);
    }
    client.reusable = connection->reusable();
}

/// Takes payloads, and answers each.
RawServer::Talk
taking(std::vector<std::string>& heads, std::vector<std::string>& got, std::size_t bytes) {
    return [&heads, &got, bytes](RawPeer& peer) {
        for (std::string head = peer.request(); !head.empty(); head = peer.request()) {
            heads.push_back(head);
            got.push_back(payload_of(peer, bytes));
            peer.send(reply_with("ok"));
        }
    };
}

TEST(ConnectionSend, SendsThePayloadAfterTheHeadAndIsKeptAlive) {
    Sending client(5 << 20);
    std::vector<std::string> heads;
    std::vector<std::string> got;
    {
        RawServer server(taking(heads, got, client.sent.size()));
        client.peer = peer_at(server.port());
        run(put_twice(client));
        EXPECT_EQ(server.connections(), 1);
    }
    ASSERT_EQ(got.size(), 2u);
    EXPECT_TRUE(got[0] == client.sent);
    EXPECT_TRUE(got[1] == client.sent);
    EXPECT_NE(heads[0].find("Content-Length: 5242880\r\n"), std::string::npos) << heads[0];
    EXPECT_TRUE(client.reusable);
    EXPECT_EQ(client.text, "ok");
}

TEST(ConnectionSend, ReadsAnAnswerThatComesBeforeAllIsTaken) {
    Sending client(64 << 20);
    RawServer server([](RawPeer& peer) {
        peer.request();
        peer.send(reply_with("enough"));
        peer.drain();
    });
    client.peer = peer_at(server.port());
    run(get_text(client));
    EXPECT_EQ(client.text, "enough");
    EXPECT_FALSE(client.reusable) << "the server waits for the rest";
}

TEST(ConnectionSend, ReadsWhatWasSaidBeforeTheConnectionBroke) {
    Sending client(64 << 20);
    RawServer server([](RawPeer& peer) {
        peer.request();
        peer.send(reply_with("no"));
        // what nobody has read makes its close a reset
        std::this_thread::sleep_for(milliseconds(50));
    });
    client.peer = peer_at(server.port());
    run(get_text(client));
    EXPECT_EQ(client.text, "no");
}

TEST(ConnectionSend, SaysThatTheConnectionBrokeBeforeAllWasTaken) {
    Sending client(64 << 20);
    RawServer server([](RawPeer& peer) {
        peer.request();
        payload_of(peer, 100'000);
        peer.reset();
    });
    client.peer = peer_at(server.port());
    const Failure failure = failure_of(get_text(client));
    EXPECT_NE(failure.what.find("before it had the whole request"), std::string::npos)
        << failure.what;
    EXPECT_FALSE(failure.fault.answered);
}

TEST(ConnectionSend, GivesUpWhereNothingIsTaken) {
    Sending client(64 << 20);
    client.options.stall_time = milliseconds(200);
    RawServer server([](RawPeer& peer) {
        peer.request();
        pollfd until_end{peer.file(), POLLRDHUP, 0};
        ::poll(&until_end, 1, -1);
    });
    client.peer = peer_at(server.port());
    const Failure failure = failure_of(get_text(client));
    EXPECT_FAULT(failure, send, stalled);
    EXPECT_NE(failure.what.find("bytes were taken in 200 ms"), std::string::npos) << failure.what;
}

class TlsSend : public Tls {};

TEST_F(TlsSend, SendsThePayloadAfterTheHeadAndIsKeptAlive) {
    Sending client(5 << 20);
    std::vector<std::string> heads;
    std::vector<std::string> got;
    {
        RawServer server(taking(heads, got, client.sent.size()), server_context(good()));
        const Client ready = client_of(server);
        client.peer = ready.peer;
        client.tls = ready.tls;
        run(put_twice(client));
        EXPECT_EQ(server.connections(), 1);
    }
    ASSERT_EQ(got.size(), 2u);
    EXPECT_TRUE(got[0] == client.sent);
    EXPECT_TRUE(got[1] == client.sent);
    EXPECT_TRUE(client.reusable);
}

TEST_F(TlsSend, ReadsAnAnswerThatComesBeforeAllIsTaken) {
    Sending client(64 << 20);
    const auto answer = [](RawPeer& peer) {
        peer.request();
        peer.send(reply_with("enough"));
        peer.drain();
    };
    RawServer server(answer, server_context(good()));
    const Client ready = client_of(server);
    client.peer = ready.peer;
    client.tls = ready.tls;
    run(get_text(client));
    EXPECT_EQ(client.text, "enough");
    EXPECT_FALSE(client.reusable);
}

} // namespace

} // namespace tz
