#include "tls_fixture.hpp"

#include <atomic>
#include <cstring>
#include <thread>

namespace tz {

namespace {

using namespace test;
using std::chrono::milliseconds;

using TlsStreams = Tls;

TEST_F(TlsStreams, ReadsLargeBodies) {
    const std::string body = pattern(5 << 20);
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        const ServerContext context = server_context(good());
        ::SSL_CTX_set_max_proto_version(context.get(), version);
        RawServer server(answers(reply_with(body)), context);
        Client client = client_of(server);
        run(get_body(client));
        ASSERT_EQ(client.body.size(), body.size());
        EXPECT_EQ(std::memcmp(client.body.data(), body.data(), body.size()), 0);
        EXPECT_TRUE(client.reusable);
    }
}

TEST_F(TlsStreams, AnswersAChangeOfKeys) {
    const std::string body = pattern(1 << 20);
    RawServer server(
        [&](RawPeer& peer) {
            while (!peer.request().empty()) {
                peer.send(reply_with(body).substr(0, 400000));
                ::SSL_key_update(peer.ssl(), SSL_KEY_UPDATE_REQUESTED);
                peer.send(reply_with(body).substr(400000));
            }
        },
        server_context(good()));
    Client client = client_of(server);
    run(get_body(client));
    EXPECT_EQ(std::memcmp(client.body.data(), body.data(), body.size()), 0);
}

TEST_F(TlsStreams, TellsTruncationFromAnEnd) {
    const std::string body = pattern(1 << 20);
    const std::string reply = reply_with(body);
    for (const bool proper : {false, true}) {
        RawServer server(
            [&](RawPeer& peer) {
                peer.request();
                peer.send(reply.substr(0, 500000));
                proper ? peer.end() : peer.cut();
                peer.drain();
            },
            server_context(good()));
        Client client = client_of(server);
        const Failure failure = failure_of(get_body(client));
        EXPECT_FAULT(failure, body, closed_early);
        EXPECT_EQ(says(failure, "TLS's own end"), !proper) << failure.what;
        const std::size_t head = reply.size() - body.size();
        EXPECT_EQ(failure.fault.received, 500000 - head);
        EXPECT_EQ(std::memcmp(client.body.data(), body.data(), 500000 - head), 0);
    }
}

TEST_F(TlsStreams, TakesNoTextWhoseEndAnybodyCouldHaveMade) {
    for (const bool proper : {false, true}) {
        RawServer server(
            [&](RawPeer& peer) {
                peer.request();
                peer.send("HTTP/1.1 200 OK\r\n\r\nhello");
                proper ? peer.end() : peer.cut();
                peer.drain();
            },
            server_context(good()));
        Client client = client_of(server);
        if (proper) {
            run(get_text(client));
            EXPECT_EQ(client.text, "hello");
            EXPECT_FALSE(client.reusable);
        } else {
            const Failure failure = failure_of(get_text(client));
            EXPECT_FAULT(failure, body, closed_early);
        }
    }
}

TEST_F(TlsStreams, EndsABodyThatStalls) {
    RawServer server(
        [&](RawPeer& peer) {
            peer.request();
            peer.send(reply_with(pattern(1 << 20)).substr(0, 500000));
            peer.drain();
        },
        server_context(good()));
    Client client = client_of(server);
    client.options.stall_time = milliseconds(200);
    const Failure failure = failure_of(get_body(client));
    EXPECT_FAULT(failure, body, stalled);
    EXPECT_GT(failure.fault.received, 490000U);
}

TEST_F(TlsStreams, ResumesSessions) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        const ServerContext context = server_context(good());
        ::SSL_CTX_set_max_proto_version(context.get(), version);
        tls.reset();
        RawServer server(answers(reply_with("hello")), context);
        for (int i = 0; i < 4; ++i) {
            Client client = client_of(server);
            run(get_text(client));
            EXPECT_EQ(client.resumed, i > 0) << i;
        }
        EXPECT_EQ(server.connections(), 4);
        EXPECT_EQ(server.resumptions(), 3);
        EXPECT_EQ(tls->sessions(), 1U);
    }
}

TEST_F(TlsStreams, ResumesNoSessionWithAnotherServer) {
    RawServer first(answers(reply_with("hello")), server_context(good()));
    RawServer second(answers(reply_with("hello")), server_context(good()));
    for (const RawServer* server : {&first, &second}) {
        Client client = client_of(*server);
        run(get_text(client));
        EXPECT_FALSE(client.resumed);
    }
    EXPECT_EQ(tls->sessions(), 2U);
}

TEST_F(TlsStreams, ResumesAfterConnectionsThatBroke) {
    const std::string reply = reply_with(pattern(1 << 20));
    RawServer server(
        [&](RawPeer& peer) {
            peer.request();
            peer.send(reply.substr(0, 300000));
            std::this_thread::sleep_for(milliseconds(20));
            peer.reset();
        },
        server_context(good()));
    for (int i = 0; i < 4; ++i) {
        Client client = client_of(server);
        const Failure failure = failure_of(get_body(client));
        EXPECT_FAULT(failure, body, reset);
        EXPECT_EQ(client.resumed, i > 0) << i;
    }
}

void many_connections(const Client& like, int count) {
    for (int i = 0; i < count; ++i) {
        Client client = like;
        run(get_text(client));
        EXPECT_EQ(client.text, "hello");
    }
}

TEST_F(TlsStreams, SharesItsContextAmongThreads) {
    RawServer server(answers(reply_with("hello")), server_context(good()));
    const Client client = client_of(server);
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i)
        threads.emplace_back([&] { many_connections(client, 10); });
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_EQ(server.connections(), 30);
    EXPECT_GE(server.resumptions(), 27);
}

} // namespace

} // namespace tz
