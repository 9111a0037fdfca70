// What does receiving bodies over HTTP cost the loop's thread (cpu_s_per_GB)? Ranges of 8 MiB into
// memory that is used again, plain and over TLS, on one connection and on four, each against a
// thread that sends from memory. Beside it, for plain ones: Asio's own completion condition (64 KiB
// a read), and Beast's parser.
#include <tz/protocols/connection.hpp>
#include <tz/protocols/tls.hpp>

#include <benchmark/benchmark.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <openssl/ssl.h>

#include <csignal>
#include <memory>
#include <netinet/in.h>
#include <pthread.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <time.h>
#include <unistd.h>
#include <vector>

namespace {

using namespace tz;
using asio::ip::tcp;

constexpr std::size_t body_bytes = 8 << 20;
constexpr int bodies = 8; // a round of each connection

using ServerContext = std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)>;

ServerContext server_context() {
    ServerContext context(::SSL_CTX_new(::TLS_server_method()), ::SSL_CTX_free);
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = ::X509_new();
    ::X509_gmtime_adj(::X509_getm_notBefore(certificate), -3600);
    ::X509_gmtime_adj(::X509_getm_notAfter(certificate), 3600);
    ::X509_set_pubkey(certificate, key);
    ::X509_sign(certificate, key, ::EVP_sha256());
    ::SSL_CTX_use_certificate(context.get(), certificate);
    ::SSL_CTX_use_PrivateKey(context.get(), key);
    ::X509_free(certificate);
    ::EVP_PKEY_free(key);
    return context;
}

/// Answers each request on each connection with the same body, as fast as it is taken.
class Server {
public:
    explicit Server(bool tls)
        : tls_(tls ? server_context() : ServerContext(nullptr, ::SSL_CTX_free)) {
        listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof at;
        (void)::bind(listener_, reinterpret_cast<sockaddr*>(&at), size);
        (void)::listen(listener_, 16);
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
        port = ntohs(at.sin_port);
        thread_ = std::thread([this] { accept(); });
    }

    ~Server() {
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        for (std::thread& thread : threads_)
            thread.join();
        ::close(listener_);
    }

    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    std::uint16_t port = 0;

private:
    void accept() {
        for (;;) {
            const int file = ::accept(listener_, nullptr, nullptr);
            if (file < 0)
                return;
            threads_.emplace_back([this, file] { serve(file); });
        }
    }

    void serve(int file) const {
        const std::string reply =
            "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body_bytes) + "\r\n\r\n" +
            std::string(body_bytes, 'x');
        const std::unique_ptr<SSL, decltype(&::SSL_free)> ssl(
            tls_ ? ::SSL_new(tls_.get()) : nullptr, ::SSL_free);
        if (ssl) {
            ::SSL_set_fd(ssl.get(), file);
            ::SSL_accept(ssl.get());
        }
        std::string request(4096, '\0');
        for (;;) {
            const auto size = static_cast<int>(request.size());
            const auto got = ssl ? ::SSL_read(ssl.get(), request.data(), size)
                                 : ::recv(file, request.data(), request.size(), 0);
            if (got <= 0)
                break;
            if (ssl)
                ::SSL_write(ssl.get(), reply.data(), static_cast<int>(reply.size()));
            for (std::size_t at = 0; !ssl && at < reply.size();) {
                const auto n = ::send(file, reply.data() + at, reply.size() - at, MSG_NOSIGNAL);
                if (n <= 0)
                    break;
                at += static_cast<std::size_t>(n);
            }
        }
        ::close(file);
    }

    ServerContext tls_;
    int listener_ = -1;
    std::vector<std::thread> threads_; // of the accepting thread until that is joined
    std::thread thread_;
};

double thread_seconds() {
    clockid_t clock{};
    timespec time{};
    ::pthread_getcpuclockid(::pthread_self(), &clock);
    ::clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

/// One connection's place.
struct Place {
    std::unique_ptr<Connection> connection;
    std::unique_ptr<tcp::socket> socket; ///< of the references
    std::vector<std::byte> memory = std::vector<std::byte>(body_bytes);
};

awaitable<void> open_connection(
    std::uint16_t port, const TransportOptions& options, TlsContext* tls, Place& place) {
    Peer peer;
    peer.host = "127.0.0.1";
    peer.port = port;
    peer.tls = tls != nullptr;
    place.connection = co_await Connection::open(std::move(peer), options, tls);
}

awaitable<void> read_bodies(Place& place) {
    const HttpRequest request;
    for (int i = 0; i < bodies; ++i) {
        co_await place.connection->exchange(request);
        co_await place.connection->read_body(std::span<std::byte>(place.memory));
    }
}

awaitable<void> open_socket(std::uint16_t port, Place& place) {
    const auto executor = co_await asio::this_coro::executor;
    place.socket = std::make_unique<tcp::socket>(executor);
    const tcp::endpoint server(asio::ip::address_v4::loopback(), port);
    co_await place.socket->async_connect(server, use_awaitable);
}

constexpr std::string_view get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

namespace http = boost::beast::http;

/// Beast reads the head, Asio the body as it likes.
awaitable<void> read_by_asio(Place& place) {
    for (int i = 0; i < bodies; ++i) {
        const auto request = asio::buffer(get);
        co_await asio::async_write(*place.socket, request, use_awaitable);
        boost::beast::flat_buffer buffer;
        http::response_parser<http::buffer_body> parser;
        parser.body_limit(boost::none);
        co_await http::async_read_header(*place.socket, buffer, parser, use_awaitable);
        const std::size_t had = asio::buffer_copy(asio::buffer(place.memory), buffer.data());
        const auto rest = asio::buffer(place.memory) + had;
        co_await asio::async_read(*place.socket, rest, use_awaitable);
    }
}

awaitable<void> read_by_beast(Place& place) {
    for (int i = 0; i < bodies; ++i) {
        const auto request = asio::buffer(get);
        co_await asio::async_write(*place.socket, request, use_awaitable);
        boost::beast::flat_buffer buffer;
        buffer.reserve(256 << 10);
        http::response_parser<http::buffer_body> parser;
        parser.body_limit(boost::none);
        co_await http::async_read_header(*place.socket, buffer, parser, use_awaitable);
        parser.get().body().data = place.memory.data();
        parser.get().body().size = place.memory.size();
        co_await http::async_read(*place.socket, buffer, parser, use_awaitable);
    }
}

void rethrow(std::exception_ptr error) {
    if (error)
        std::rethrow_exception(error);
}

/// Times rounds of `read` on all places.
template <typename Read>
void measure(
    benchmark::State& state, asio::io_context& context, std::vector<Place>& places, Read read) {
    double seconds = 0;
    double bytes = 0;
    for (auto _ : state) {
        const double before = thread_seconds();
        for (Place& place : places)
            asio::co_spawn(context, read(place), rethrow);
        context.restart();
        context.run();
        seconds += thread_seconds() - before;
        bytes += static_cast<double>(places.size() * bodies * body_bytes);
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
    state.counters["cpu_s_per_GB"] = seconds / (bytes / 1e9);
}

void ours(benchmark::State& state, bool tls) {
    const Server server(tls);
    TransportOptions options;
    options.insecure = true;
    TlsContext tls_context(options);
    asio::io_context context(1);
    std::vector<Place> places(static_cast<std::size_t>(state.range(0)));
    for (Place& place : places)
        asio::co_spawn(
            context,
            open_connection(server.port, options, tls ? &tls_context : nullptr, place),
            rethrow);
    context.run();
    measure(state, context, places, read_bodies);
}

void plain(benchmark::State& state) {
    ours(state, false);
}

void tls(benchmark::State& state) {
    ours(state, true);
}

template <awaitable<void> (*read)(Place&)>
void reference(benchmark::State& state) {
    const Server server(false);
    asio::io_context context(1);
    std::vector<Place> places(static_cast<std::size_t>(state.range(0)));
    for (Place& place : places)
        asio::co_spawn(context, open_socket(server.port, place), rethrow);
    context.run();
    measure(state, context, places, read);
}

BENCHMARK(plain)->Arg(1)->Arg(4)->UseRealTime();
BENCHMARK(tls)->Arg(1)->Arg(4)->UseRealTime();
BENCHMARK(reference<read_by_asio>)->Name("plain_by_asio")->Arg(1)->UseRealTime();
BENCHMARK(reference<read_by_beast>)->Name("plain_by_beast")->Arg(1)->UseRealTime();

} // namespace
