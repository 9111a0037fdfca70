#include <tz/protocols/connect.hpp>
#include <tz/protocols/race.hpp>
#include <tz/protocols/request_text.hpp>
#include <tz/protocols/resolve.hpp>
#include <tz/protocols/transport_error.hpp>

#include <utility>
#include <vector>

namespace tz {

namespace {

using asio::ip::tcp;
using Clock = std::chrono::steady_clock;

std::string host_and_port(const std::string& host, std::uint16_t port) {
    const bool brackets = host.find(':') != host.npos;
    return (brackets ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::vector<tcp::endpoint>
allowed_endpoints(const Peer& peer, const std::vector<asio::ip::address>& addresses) {
    std::vector<tcp::endpoint> endpoints;
    const std::uint16_t port = peer.proxy ? peer.proxy->port : peer.port;
    for (const asio::ip::address& address : addresses)
        if (peer.proxy || !peer.allowed || peer.allowed(address.to_string()))
            endpoints.emplace_back(address, port);
    if (endpoints.empty())
        throw TransportError(
            {TransportStage::connect, TransportCause::forbidden},
            printable(peer.host) + " is at " + addresses.front().to_string() +
                ", which a server must not send us to",
            "name the address itself if it is meant");
    return endpoints;
}

} // namespace

std::string Peer::name() const {
    return host_and_port(host, port);
}

std::string Peer::proxy_name() const {
    return "the proxy " + host_and_port(proxy->host, proxy->port);
}

std::string Peer::proxy_authorization() const {
    if (!proxy || proxy->userinfo.empty())
        return {};
    const bool whole = proxy->userinfo.find(':') != std::string::npos;
    return basic_authorization(whole ? proxy->userinfo : proxy->userinfo + ":");
}

awaitable<tcp::socket>
connect(const Peer& peer, const TransportOptions& options, Clock::time_point deadline) {
    if (peer.proxy && peer.proxy->tls)
        throw Error(
            errc::unsupported,
            "a proxy that is spoken to by TLS (https://) can't be used",
            {},
            "give the proxy as http://; what goes to https servers through it is encrypted anyway");
    const std::string& host = peer.proxy ? peer.proxy->host : peer.host;
    const std::vector<asio::ip::address> addresses = co_await resolve_host(host, deadline);
    std::vector<tcp::endpoint> endpoints = allowed_endpoints(peer, addresses);
    std::string name = peer.proxy ? peer.proxy_name() : peer.name();
    co_return co_await connect_first(
        std::move(endpoints), options.next_address_delay, deadline, std::move(name));
}

} // namespace tz
