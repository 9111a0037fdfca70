// From a host's name to a TCP connection, to it or to the proxy that stands for it.
#pragma once

#include <tz/engine/async.hpp>
#include <tz/protocols/network.hpp>
#include <tz/protocols/url.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace tz {

/// Whom to talk to, and by way of whom.
struct Peer {
    bool tls = false;
    std::string host; ///< an IPv6 address without brackets
    std::uint16_t port = 0;
    std::optional<Url> proxy; ///< http only; its userinfo goes to the proxy alone
    /// Refuses addresses, given as text, that the name must not lead to; empty: all may be. It is
    /// not asked about a proxy's, who looks up the host itself.
    std::function<bool(std::string_view address)> allowed;

    Peer() = default;

    /// A connection to where `url` leads.
    explicit Peer(const Url& url) : tls(url.tls), host(url.host), port(url.port) {}

    /// "host:port", for people and CONNECT.
    std::string name() const;
    /// The same of the proxy, which there must be.
    std::string proxy_name() const;

    /// Requests name the whole URL and carry the proxy's credentials.
    bool absolute_form() const { return proxy.has_value() && !tls; }

    /// The value of Proxy-Authorization; "" without credentials. A secret.
    std::string proxy_authorization() const;
};

/// A connection to the peer, or to its proxy; with TCP_NODELAY. Throws `TransportError` before
/// `deadline`, or operation_aborted at once when it is cancelled; then no descriptor is left.
awaitable<asio::ip::tcp::socket> connect(
    const Peer& peer,
    const TransportOptions& options,
    std::chrono::steady_clock::time_point deadline);

} // namespace tz
