// Happy eyeballs: the addresses of one host, each tried a little after the one before it.
#pragma once

#include <tz/engine/async.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace tz {

/// IPv6 and IPv4 in turn, beginning with the first one's family (RFC 8305, 4).
std::vector<asio::ip::tcp::endpoint> interleaved(std::vector<asio::ip::tcp::endpoint> endpoints);

/// The first of `endpoints` that a connection can be made to: the next one is tried after `delay`,
/// or at once when one fails. The others are closed. `name` is for errors. Throws `TransportError`.
awaitable<asio::ip::tcp::socket> connect_first(
    std::vector<asio::ip::tcp::endpoint> endpoints,
    std::chrono::milliseconds delay,
    std::chrono::steady_clock::time_point deadline,
    std::string name);

} // namespace tz
