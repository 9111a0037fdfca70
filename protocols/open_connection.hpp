// Connections to where something is asked for.
#pragma once

#include <tz/protocols/asker.hpp>
#include <tz/protocols/connection.hpp>
#include <tz/protocols/transport.hpp>

#include <memory>
#include <string>

namespace tz {

class Loop;

/// What connections lead to, and how.
std::string way_to(const Place& place);

/// By way of the proxy that is set for it, with everything on it over by `deadline`. `transport`
/// and `options` outlive the connection. Throws `TransportError`, and `tz::Error` for certificates
/// that can't be read.
awaitable<std::unique_ptr<Connection>> open_connection(
    Loop& loop,
    Transport& transport,
    const Place& place,
    const TransportOptions& options,
    Connection::Clock::time_point deadline = Connection::Clock::time_point::max());

} // namespace tz
