#include <tz/engine/loop.hpp>
#include <tz/protocols/ip_address.hpp>
#include <tz/protocols/open_connection.hpp>

#include <utility>

namespace tz {

namespace {

bool is_private_text(std::string_view address) {
    const auto parsed = IpAddress::parse(std::string(address));
    return !parsed || is_private_address(parsed->bytes());
}

} // namespace

std::string way_to(const Place& place) {
    std::string way = place.url.origin();
    if (place.guarded)
        way += " guarded";
    return way;
}

awaitable<std::unique_ptr<Connection>> open_connection(
    Loop& loop,
    Transport& transport,
    const Place& place,
    const TransportOptions& options,
    Connection::Clock::time_point deadline) {
    const Url& url = place.url;
    Peer peer(url);
    peer.proxy = transport.proxy(url);
    if (place.guarded)
        peer.allowed = [](std::string_view address) { return !is_private_text(address); };
    TlsContext* tls = nullptr;
    if (url.tls) {
        if (!transport.tls_made()) {
            auto make = [&transport] { transport.tls(); };
            co_await loop.workers().run(std::move(make));
        }
        tls = &transport.tls();
    }
    auto connection = co_await Connection::open(std::move(peer), options, tls, deadline);
    co_return connection;
}

} // namespace tz
