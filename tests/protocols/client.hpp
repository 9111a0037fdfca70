// What tests of connections have in common: a client on a loop of its own, with short limits.
#pragma once

#include "../support/run.hpp"
#include "raw_server.hpp"
#include <tz/protocols/connection.hpp>
#include <tz/protocols/tls.hpp>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace tz::test {

struct Client {
    Client() {
        options.connect_timeout = std::chrono::milliseconds(2000);
        options.first_byte_timeout = std::chrono::milliseconds(2000);
        options.stall_time = std::chrono::milliseconds(2000);
        options.proxy = "";
    }

    TransportOptions options;
    Peer peer;
    TlsContext* tls = nullptr;
    HttpRequest request;
    std::size_t text_max = 1 << 20;

    // what came
    ReplyHead head;
    std::string text;
    std::vector<std::byte> body;
    std::uint64_t received = 0;
    bool reusable = false;
    bool resumed = false;
    bool whole = false;
};

inline Peer peer_at(std::uint16_t port, const std::string& host = "127.0.0.1") {
    Peer peer;
    peer.host = host;
    peer.port = port;
    return peer;
}

/// One request, its answer as text.
inline awaitable<void> get_text(Client& client) {
    auto connection = co_await Connection::open(client.peer, client.options, client.tls);
    client.resumed = connection->resumed();
    client.head = co_await connection->exchange(client.request);
    client.text = co_await connection->read_text(client.text_max);
    client.whole = connection->body_whole();
    client.reusable = connection->reusable();
    client.resumed = connection->resumed();
}

inline awaitable<void> read_whole(Connection& connection, Client& client) {
    client.head = co_await connection.exchange(client.request);
    if (!client.head.length)
        throw std::runtime_error("no length");
    client.body.assign(static_cast<std::size_t>(*client.head.length), std::byte());
    try {
        co_await connection.read_body(std::span<std::byte>(client.body));
    } catch (...) {
        client.received = connection.body_received();
        throw;
    }
    client.received = connection.body_received();
    client.reusable = connection.reusable();
}

/// One request, its answer into memory.
inline awaitable<void> get_body(Client& client) {
    auto connection = co_await Connection::open(client.peer, client.options, client.tls);
    client.resumed = connection->resumed();
    co_await read_whole(*connection, client);
}

struct Failure {
    TransportFault fault;
    std::string what;
};

/// The transport error that `coroutine` ends with; fails the test where there is none.
inline Failure failure_of(awaitable<void> coroutine) {
    asio::io_context context(1);
    try {
        run(context, std::move(coroutine));
    } catch (const TransportError& error) {
        EXPECT_EQ(error.kind(), error.fault().kind());
        EXPECT_FALSE(error.hint().empty()) << error.what();
        return {error.fault(), error.what()};
    }
    ADD_FAILURE() << "no error";
    return {};
}

inline void run(awaitable<void> coroutine) {
    asio::io_context context(1);
    run(context, std::move(coroutine));
}

inline std::string pattern(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        text[i] = static_cast<char>(i * 2654435761U >> 13);
    return text;
}

inline std::string text_of(const std::vector<std::byte>& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline std::string reply_with(const std::string& body, const std::string& headers = {}) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + headers +
           "\r\n" + body;
}

/// Says `reply` to each request.
inline RawServer::Talk answers(std::string reply) {
    return [reply = std::move(reply)](RawPeer& peer) {
        while (!peer.request().empty())
            if (!peer.send(reply))
                return;
    };
}

/// Says `reply` once and ends.
inline RawServer::Talk answers_and_ends(std::string reply) {
    return [reply = std::move(reply)](RawPeer& peer) {
        peer.request();
        peer.send(reply);
        peer.end();
        peer.drain();
    };
}

inline void expect_fault(
    const Failure& failure,
    TransportStage stage,
    TransportCause cause,
    const char* file,
    int line) {
    const testing::ScopedTrace trace(file, line, failure.what);
    EXPECT_EQ(failure.fault.stage, stage);
    EXPECT_EQ(failure.fault.cause, cause);
}

#define EXPECT_FAULT(failure, stage, cause)                                                        \
    expect_fault(failure, TransportStage::stage, TransportCause::cause, __FILE__, __LINE__)

} // namespace tz::test
