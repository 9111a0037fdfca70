// The test server: HTTP/1.1 on loopback as an object store answers it, and every way of answering
// wrongly. Threads of its own, plain sockets; all of it may be called from any thread.
#pragma once

#include <tz/tests/support/http_fault.hpp>
#include <tz/tests/support/http_object.hpp>
#include <tz/tests/support/http_reply.hpp>
#include <tz/tests/support/test_ca.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tz::test {

struct HttpServerOptions {
    std::string address = "127.0.0.1"; ///< or "::1"
    std::optional<TlsOptions> tls{};
    bool versions = false; ///< objects have version ids
    std::vector<Rule> rules{};
    std::vector<ConnectionRule> connection_rules{};
    /// Between a request and its answer, so that time shows how many were made one after another.
    std::chrono::milliseconds delay{0};
    /// The same for a new connection.
    std::chrono::milliseconds connect_delay{0};
    std::size_t connections_max = SIZE_MAX;
    bool refuse_more = false;          ///< those beyond get RST; else they wait their turn
    std::uint64_t connection_rate = 0; ///< bytes a second of each connection; 0: as fast as it can
    std::uint64_t total_rate = 0;      ///< of all together
    std::chrono::milliseconds idle_time{60'000}; ///< until a connection without request is closed
    /// Gives the S3 code with which a request is denied (403), or "". Called by one thread at a
    /// time.
    std::function<std::string(const Request&)> deny{};
    /// Gives the answer instead of what is there, or nothing. Not asked where a fault answers with
    /// an error: such a request is not carried out. Any thread.
    std::function<std::optional<Page>(const Request&)> answer{};
    /// As a proxy: gives the port of 127.0.0.1 that a CONNECT leads to, or 0 for 502.
    std::function<std::uint16_t(const Request&)> tunnel{};
};

struct ServerCounts {
    std::uint64_t requests = 0;
    std::uint64_t connections = 0; ///< accepted, those refused beyond the limit not counted
    std::uint64_t open = 0;        ///< now
    std::uint64_t open_most = 0;   ///< at any time
    std::uint64_t bytes_sent = 0;  ///< of heads and bodies
};

class HttpServer {
public:
    explicit HttpServer(HttpServerOptions options = {});
    ~HttpServer(); ///< closes what is open, and waits for no client
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    std::uint16_t port() const;
    /// "http://127.0.0.1:PORT/path", or with another name of this machine.
    std::string url(const std::string& path, const std::string& host = "") const;

    /// Puts an object at a path ("/bucket/key", percent-encoded as it will be asked for); again for
    /// a new version.
    void put(const std::string& path, Object object);
    void remove(const std::string& path);
    std::optional<Object> object(const std::string& path) const;
    void put_page(const std::string& path, Page page);

    void add(Rule rule);
    void add(ConnectionRule rule);
    void clear_rules(); ///< of both kinds

    /// In the order in which they came; the first 100,000.
    std::vector<Request> requests() const;
    ServerCounts counts() const;

    void refuse();           ///< new connections are refused, the port stays ours
    void fill_backlog();     ///< new connections are neither accepted nor refused
    void accept_again();     ///< ends both
    void drop_connections(); ///< all that are open, as a server that dies

    struct State;

private:
    std::unique_ptr<State> state_;
};

} // namespace tz::test
