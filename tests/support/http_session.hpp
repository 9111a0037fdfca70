// What the connections of a test server share, and what one of them does. Between its own sources
// only.
#pragma once

#include <tz/tests/support/http_server.hpp>
#include <tz/tests/support/http_wire.hpp>

#include <atomic>
#include <map>
#include <mutex>

namespace tz::test {

/// Any thread.
class Script {
public:
    explicit Script(HttpServerOptions options);

    /// The faults that this request meets. Numbers it and notes it, once for each request.
    std::vector<Fault> faults_of(Request& request);
    void note_body(std::uint64_t number, const std::string& body);
    void note_status(std::uint64_t number, int status);
    std::vector<Fault> faults_of_connection(std::uint64_t number) const;
    /// What is at its path, after what the faults do there.
    Found find(const Request& request, const std::vector<Fault>& faults);
    std::string denied(const Request& request);

    const HttpServerOptions options;
    const std::shared_ptr<SSL_CTX> tls; ///< or null
    Objects objects;
    RateLimit total_rate;
    std::atomic<std::uint64_t> bytes_sent = 0;

    mutable std::mutex mutex; ///< of all below
    std::vector<Rule> rules;
    std::vector<std::uint64_t> rule_counts; ///< how many requests fitted each
    std::vector<ConnectionRule> connection_rules;
    std::map<std::string, Page> pages;
    std::vector<Request> requests;
    std::size_t bodies_noted_bytes = 0;
    std::uint64_t requests_count = 0;

private:
    std::mutex deny_mutex_;
};

/// Serves one connection to its end. Owns the socket.
void serve(Script& script, const Stop& stop, int socket, std::uint64_t connection);

} // namespace tz::test
