// The way through a proxy that TLS needs (CONNECT).
#pragma once

#include <tz/engine/async.hpp>

namespace tz {

struct Peer;
class Wire;

/// Asks the proxy at the other end of `wire` to pass bytes on to `peer`. Throws `TransportError`.
/// The proxy's credentials go nowhere else.
awaitable<void> open_tunnel(Wire& wire, const Peer& peer);

} // namespace tz
