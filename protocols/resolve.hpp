// The addresses of a host's name, without a loop, a load or an engine ever waiting for a name
// service longer than they want to.
#pragma once

#include <tz/engine/async.hpp>

#include <boost/asio/ip/address.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace tz {

/// In the order that the system prefers; a numeric address is itself. Throws `TransportError`
/// (unknown_host, no_dns, timed_out).
///
/// getaddrinfo() can't be interrupted, and Asio's resolver makes the end of its io_context wait for
/// it. So each look-up has a thread of its own, which nobody waits for: it ends when getaddrinfo()
/// does, at most some tens of seconds later, touches nothing of ours but its own result, and is
/// shared by all who ask for that name meanwhile. There are at most 64.
awaitable<std::vector<asio::ip::address>>
resolve_host(std::string host, std::chrono::steady_clock::time_point deadline);

} // namespace tz
