#include "../support/files.hpp"
#include "../support/held.hpp"
#include "client.hpp"
#include "fake_dns.hpp"
#include "raw_server.hpp"
#include <tz/protocols/race.hpp>
#include <tz/protocols/resolve.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>

#include <netdb.h>

namespace tz {

namespace {

using namespace test;
using asio::ip::tcp;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

tcp::endpoint at(const std::string& address, std::uint16_t port) {
    return {asio::ip::make_address(address), port};
}

/// An address that answers no SYN: a listener whose queue is full.
class DeadAddress {
public:
    explicit DeadAddress(const char* address, std::uint16_t port = 0) {
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int yes = 1;
        ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        ::inet_pton(AF_INET, address, &to.sin_addr);
        EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
        EXPECT_EQ(::listen(listener_, 0), 0);
        socklen_t size = sizeof to;
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&to), &size);
        port_ = ntohs(to.sin_port);
        for (int& file : fillers_) {
            file = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
            (void)::connect(file, reinterpret_cast<sockaddr*>(&to), sizeof to);
        }
        std::this_thread::sleep_for(milliseconds(20));
    }

    ~DeadAddress() {
        for (const int file : fillers_)
            ::close(file);
        ::close(listener_);
    }

    DeadAddress(const DeadAddress&) = delete;
    DeadAddress& operator=(const DeadAddress&) = delete;

    std::uint16_t port() const { return port_; }

private:
    int listener_;
    int fillers_[4] = {};
    std::uint16_t port_ = 0;
};

/// A port where nobody listens.
std::uint16_t closed_port() {
    const RawServer server([](RawPeer&) {});
    return server.port();
}

void waits_for_client(RawPeer& peer) {
    peer.drain();
}

struct Raced {
    std::vector<tcp::endpoint> endpoints;
    milliseconds delay{250};
    milliseconds limit{2000};
    std::string reached;
};

awaitable<void> race(Raced& raced) {
    tcp::socket socket =
        co_await connect_first(raced.endpoints, raced.delay, Clock::now() + raced.limit, "test");
    raced.reached = socket.remote_endpoint().address().to_string();
    tcp::no_delay no_delay;
    socket.get_option(no_delay);
    EXPECT_TRUE(no_delay.value());
}

TEST(Connect, TriesTheFamiliesInTurn) {
    const std::vector<tcp::endpoint> given = {
        at("::1", 1), at("::2", 1), at("::3", 1), at("10.0.0.1", 1), at("10.0.0.2", 1)};
    const std::vector<tcp::endpoint> expected = {
        at("::1", 1), at("10.0.0.1", 1), at("::2", 1), at("10.0.0.2", 1), at("::3", 1)};
    EXPECT_EQ(interleaved(given), expected);
    EXPECT_EQ(interleaved({at("10.0.0.1", 1), at("::1", 1)}).front(), at("10.0.0.1", 1));
    EXPECT_TRUE(interleaved({}).empty());
}

TEST(Connect, TriesTheNextAddressWhereTheFirstIsDead) {
    RawServer server(waits_for_client);
    const DeadAddress dead("127.0.0.2", server.port());
    const Held before = held();
    Raced raced;
    raced.limit = milliseconds(60000);
    raced.endpoints = {at("127.0.0.2", server.port()), at("127.0.0.1", server.port())};
    const auto began = Clock::now();
    run(race(raced));
    EXPECT_EQ(raced.reached, "127.0.0.1");
    EXPECT_GE(Clock::now() - began, milliseconds(240));
    EXPECT_LT(Clock::now() - began, raced.limit / 2);
    EXPECT_EQ(held_soon(before), before);
}

TEST(Connect, TriesTheNextAddressAtOnceWhereTheFirstRefuses) {
    RawServer server(waits_for_client);
    Raced raced;
    raced.delay = milliseconds(60000);
    raced.limit = 2 * raced.delay;
    raced.endpoints = {at("127.0.0.2", server.port()), at("127.0.0.1", server.port())};
    const auto began = Clock::now();
    run(race(raced));
    EXPECT_EQ(raced.reached, "127.0.0.1");
    EXPECT_LT(Clock::now() - began, raced.delay / 2);
}

TEST(Connect, TakesTheFirstAddressThatAnswers) {
    RawServer server(waits_for_client);
    Raced raced;
    raced.endpoints = {at("127.0.0.1", server.port()), at("127.0.0.2", server.port())};
    run(race(raced));
    EXPECT_EQ(raced.reached, "127.0.0.1");
}

TEST(Connect, EndsInTimeWhereAllAreDead) {
    const DeadAddress dead("127.0.0.1");
    const DeadAddress other("127.0.0.2", dead.port());
    Raced raced;
    raced.limit = milliseconds(400);
    raced.endpoints = {at("127.0.0.2", dead.port()), at("127.0.0.1", dead.port())};
    const auto began = Clock::now();
    const Failure failure = failure_of(race(raced));
    EXPECT_FAULT(failure, connect, timed_out);
    EXPECT_LT(Clock::now() - began, milliseconds(30000));
}

TEST(Connect, TellsARefusal) {
    Client client;
    client.peer = peer_at(closed_port());
    const Failure failure = failure_of(get_text(client));
    EXPECT_FAULT(failure, connect, refused);
    EXPECT_NE(failure.what.find("127.0.0.1:"), std::string::npos);
    EXPECT_TRUE(failure.fault.repeatable);
}

TEST(Connect, PrefersAReasonThatSaysMoreThanUnreachable) {
    Raced raced;
    const std::uint16_t port = closed_port();
    raced.endpoints = {at("240.0.0.1", port), at("127.0.0.1", port)};
    const Failure failure = failure_of(race(raced));
    EXPECT_FAULT(failure, connect, refused);
}

TEST(Connect, UsesEveryAddressOfAName) {
    FakeDns dns;
    RawServer server([](RawPeer& peer) {
        peer.request();
        peer.send(reply_with("x"));
        peer.drain();
    });
    dns.set("many.test", {"127.0.0.3", "127.0.0.2", "127.0.0.1"});
    Client client;
    client.peer = peer_at(server.port(), "many.test");
    run(get_text(client));
    EXPECT_EQ(client.text, "x");
}

TEST(Connect, TellsWhatTheNameServiceSays) {
    FakeDns dns;
    dns.fail("nobody.test", EAI_NONAME);
    dns.fail("later.test", EAI_AGAIN);
    dns.fail("failed.test", EAI_FAIL);
    Client client;
    client.peer = peer_at(80, "nobody.test");
    const Failure nobody = failure_of(get_text(client));
    EXPECT_FAULT(nobody, resolve, unknown_host);
    EXPECT_NE(nobody.what.find("nobody.test"), std::string::npos);
    for (const char* host : {"later.test", "failed.test"}) {
        client.peer = peer_at(80, host);
        const Failure failure = failure_of(get_text(client));
        EXPECT_FAULT(failure, resolve, no_dns);
    }
}

TEST(Connect, DoesNotWaitForANameServiceThatHangs) {
    FakeDns dns;
    dns.hang("hangs.test");
    Client client;
    client.options.connect_timeout = milliseconds(200);
    client.peer = peer_at(80, "hangs.test");
    const auto began = Clock::now();
    const Failure failure = failure_of(get_text(client)); // its io_context ends, too
    EXPECT_FAULT(failure, resolve, timed_out);
    EXPECT_GE(Clock::now() - began, milliseconds(190));
    EXPECT_LT(Clock::now() - began, milliseconds(30000));
    // all who ask for a name share one thread
    for (int i = 0; i < 3; ++i)
        (void)failure_of(get_text(client));
    EXPECT_EQ(dns.lookups(), 1);
}

TEST(Connect, RefusesAddressesThatTheCallerForbids) {
    FakeDns dns;
    dns.set("inside.test", {"127.0.0.1", "169.254.169.254"});
    Client client;
    client.peer = peer_at(closed_port(), "inside.test");
    std::vector<std::string> asked;
    client.peer.allowed = [&asked](std::string_view address) {
        asked.emplace_back(address);
        return false;
    };
    const Failure failure = failure_of(get_text(client));
    EXPECT_FAULT(failure, connect, forbidden);
    EXPECT_EQ(asked, (std::vector<std::string>{"127.0.0.1", "169.254.169.254"}));
    client.peer.allowed = [](std::string_view address) { return address.starts_with("127."); };
    const Failure allowed = failure_of(get_text(client));
    EXPECT_FAULT(allowed, connect, refused);
}

Url proxy_at(std::uint16_t port) {
    Url proxy;
    proxy.host = "127.0.0.1";
    proxy.port = port;
    proxy.userinfo = "user:pass word";
    return proxy;
}

TEST(Connect, NamesTheWholeAddressToAProxy) {
    std::string seen;
    RawServer proxy([&](RawPeer& peer) {
        seen = peer.request();
        peer.send(reply_with("x"));
        peer.drain();
    });
    Client client;
    client.peer = peer_at(80, "far.test");
    client.peer.proxy = proxy_at(proxy.port());
    client.request.target = "/a?b";
    run(get_text(client));
    EXPECT_EQ(
        seen,
        "GET http://far.test/a?b HTTP/1.1\r\nHost: far.test\r\nAccept-Encoding: identity\r\n"
        "User-Agent: tzio\r\nProxy-Authorization: Basic dXNlcjpwYXNzIHdvcmQ=\r\n\r\n");
    EXPECT_EQ(client.text, "x");
}

/// What a client meets that wants TLS through a proxy which says `reply`, and what it said.
Failure tunnel_failure(const std::string& reply, bool end, std::string* seen = nullptr) {
    RawServer proxy([&](RawPeer& peer) {
        const std::string request = peer.request();
        if (seen)
            *seen = request;
        peer.send(reply);
        if (end)
            peer.cut();
        peer.drain();
    });
    TransportOptions options;
    options.insecure = true;
    TlsContext tls(options);
    Client client;
    client.options.connect_timeout = milliseconds(500);
    client.peer = peer_at(443, "::5");
    client.peer.tls = true;
    client.peer.proxy = proxy_at(proxy.port());
    client.tls = &tls;
    return failure_of(get_text(client));
}

TEST(Connect, AsksAProxyForATunnel) {
    std::string seen;
    const Failure ended =
        tunnel_failure("HTTP/1.0 200 Connection established\r\n\r\n", true, &seen);
    EXPECT_FAULT(ended, tls, closed_early); // the tunnel itself was there
    EXPECT_EQ(
        seen,
        "CONNECT [::5]:443 HTTP/1.1\r\nHost: [::5]:443\r\n"
        "Proxy-Authorization: Basic dXNlcjpwYXNzIHdvcmQ=\r\n\r\n");
}

TEST(Connect, TellsWhatAProxyDoesWrong) {
    const Failure credentials = tunnel_failure("HTTP/1.1 407 No\r\n\r\n", false);
    EXPECT_FAULT(credentials, proxy, proxy_denied);
    EXPECT_EQ(credentials.fault.kind(), errc::denied);
    EXPECT_NE(credentials.what.find("407"), std::string::npos);
    EXPECT_EQ(credentials.what.find("pass word"), std::string::npos) << "a secret";
    EXPECT_FAULT(tunnel_failure("HTTP/1.1 403 No\r\n\r\n", false), proxy, proxy_refused);
    EXPECT_FAULT(tunnel_failure("HTTP/1.1 503 No\r\n\r\n", false), proxy, reset);
    EXPECT_FAULT(tunnel_failure("<html>", false), proxy, protocol);
    EXPECT_FAULT(tunnel_failure("HTTP/1.1 200 OK\r\n\r\n<html>", false), proxy, protocol);
    EXPECT_FAULT(tunnel_failure("HTTP/1.1 20", true), proxy, closed_early);
    EXPECT_FAULT(tunnel_failure("HTTP/1.1 20", false), proxy, timed_out);
}

TEST(Connect, TellsAProxyThatIsNotThere) {
    Client client;
    client.peer = peer_at(80, "far.test");
    client.peer.proxy = proxy_at(closed_port());
    const Failure failure = failure_of(get_text(client));
    EXPECT_FAULT(failure, connect, refused);
    EXPECT_NE(failure.what.find("the proxy 127.0.0.1:"), std::string::npos) << failure.what;
    client.peer.proxy->tls = true;
    const auto error = error_of([&] { run(get_text(client)); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::unsupported);
}

/// Cancels `coroutine` after `delay`; true where it ended by that and at once.
bool cancelled(awaitable<void> coroutine, milliseconds delay) {
    asio::io_context context(1);
    asio::cancellation_signal signal;
    std::optional<std::exception_ptr> ended;
    asio::co_spawn(
        context,
        std::move(coroutine),
        asio::bind_cancellation_slot(
            signal.slot(), [&](std::exception_ptr error) { ended = std::move(error); }));
    context.run_for(delay);
    if (ended)
        return false;
    signal.emit(asio::cancellation_type::terminal);
    context.restart();
    context.run_for(milliseconds(1000));
    if (!ended || !*ended || !context.stopped())
        return false; // something keeps the loop running
    const auto error = caught<boost::system::system_error>([&] { std::rethrow_exception(*ended); });
    return error && error->code() == asio::error::operation_aborted;
}

TEST(Connect, IsCancelledAtEveryStage) {
    FakeDns dns;
    dns.hang("hangs.test");
    const DeadAddress dead("127.0.0.1");
    RawServer silent(waits_for_client);
    TransportOptions options;
    options.insecure = true;
    TlsContext tls(options);
    const Held before = held();
    std::vector<Peer> peers = {
        peer_at(80, "hangs.test"),
        peer_at(dead.port()),
        peer_at(silent.port()),
        peer_at(silent.port()),
        peer_at(443, "far.test")};
    peers[2].tls = true;
    peers[4].tls = true;
    peers[4].proxy = proxy_at(silent.port());
    for (std::size_t i = 0; i < peers.size(); ++i) {
        Client client;
        client.options = TransportOptions();
        client.peer = peers[i];
        client.tls = &tls;
        EXPECT_TRUE(cancelled(get_text(client), milliseconds(50))) << i;
    }
    // the look-up has a thread, which nobody waits for
    const Held after{before.descriptors, before.threads + 1};
    EXPECT_EQ(held_soon(after), after);
}

} // namespace

} // namespace tz
