#include "../support/certificates.hpp"
#include "../support/held.hpp"
#include "client.hpp"
#include "raw_server.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <iostream>
#include <random>

namespace tz {

namespace {

using namespace test;

/// Serves bodies with pauses at random places, so that a client waits in every way.
RawServer::Talk hesitates(const std::string& reply) {
    return [&reply](RawPeer& peer) {
        std::mt19937 random(static_cast<unsigned>(peer.index()));
        while (!peer.request().empty()) {
            for (std::size_t at = 0; at < reply.size();) {
                const std::size_t n = 1 + random() % 200000;
                if (!peer.send(std::string_view(reply).substr(at, n)))
                    return;
                at += n;
                std::this_thread::sleep_for(std::chrono::microseconds(random() % 1000));
            }
        }
    };
}

awaitable<void> read_on_and_on(Client& client, int turns) {
    auto connection = co_await Connection::open(client.peer, client.options, client.tls);
    for (int i = 0; i < turns; ++i)
        co_await read_whole(*connection, client);
}

/// True where the cancellation came before the end.
bool cancel_after(Client& client, std::chrono::microseconds delay) {
    asio::io_context context(1);
    asio::cancellation_signal signal;
    std::exception_ptr failure;
    bool ended = false;
    asio::steady_timer timer(context, delay);
    timer.async_wait([&](error_code ec) {
        if (!ec)
            signal.emit(asio::cancellation_type::terminal);
    });
    // from inside the loop: CONTRIBUTING, Traps 4
    asio::post(context, [&] {
        asio::co_spawn(
            context,
            read_on_and_on(client, 3),
            asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr error) {
                failure = std::move(error);
                ended = true;
                timer.cancel();
            }));
    });
    context.run_for(std::chrono::seconds(20));
    EXPECT_TRUE(ended) << "it did not end";
    EXPECT_TRUE(context.stopped()) << "something keeps the loop running";
    if (!failure)
        return false;
    const auto error =
        caught<boost::system::system_error>([&] { std::rethrow_exception(failure); });
    EXPECT_TRUE(error && error->code() == asio::error::operation_aborted)
        << (error ? error->what() : "another exception");
    return true;
}

void cancel_often(RawServer& server, TlsContext* tls, const std::string& host) {
    const std::uint64_t number = seed();
    std::cout << "TZ_TEST_SEED=" << number << "\n";
    std::mt19937_64 random(number);
    Client client;
    client.peer = peer_at(server.port(), host);
    client.peer.tls = tls != nullptr;
    client.tls = tls;
    (void)cancel_after(client, std::chrono::seconds(10));        // what is made once
    std::this_thread::sleep_for(std::chrono::milliseconds(200)); // the server's end of it
    const Held before = held();
    int hits = 0;
    for (int i = 0; i < 200; ++i)
        hits += cancel_after(client, std::chrono::microseconds(random() % 30000));
    EXPECT_GT(hits, 20) << "it was too quick to be cancelled";
    EXPECT_EQ(held_soon(before), before);
}

const std::string& reply() {
    static const std::string text = reply_with(std::string(2 << 20, 'x'));
    return text;
}

TEST(ConnectionCancel, LeavesNothingBehindAtAnyTime) {
    RawServer server(hesitates(reply()));
    cancel_often(server, nullptr, "127.0.0.1");
}

TEST(ConnectionCancel, LeavesNothingBehindOverTls) {
    const TempFolder folder;
    const Issued authority = issue_authority(folder);
    TransportOptions options;
    options.ca_file = authority.certificate_file;
    TlsContext tls(options);
    RawServer server(hesitates(reply()), server_context(issue(folder, Wish(), &authority)));
    cancel_often(server, &tls, "localhost");
}

} // namespace

} // namespace tz
