#include <tz/protocols/connect.hpp>
#include <tz/protocols/reply.hpp>
#include <tz/protocols/transport_error.hpp>
#include <tz/protocols/tunnel.hpp>
#include <tz/protocols/wire.hpp>

#include <optional>
#include <vector>

namespace tz {

namespace {

std::string request_for(const Peer& peer) {
    const std::string target = peer.name();
    std::string text = "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n";
    if (const std::string authorization = peer.proxy_authorization(); !authorization.empty())
        text += "Proxy-Authorization: " + authorization + "\r\n";
    return text + "\r\n";
}

void check_answer(const ReplyHead& head, const std::string& proxy, const std::string& target) {
    if (head.status >= 200 && head.status < 300)
        return;
    if (head.status == 407)
        throw TransportError(
            {TransportStage::proxy, TransportCause::proxy_denied},
            proxy + " wants other credentials (407)",
            "put user and password into the proxy's URL");
    // 502 to 504: it could not reach the server, which may pass
    const bool passing = head.status >= 500;
    throw TransportError(
        {TransportStage::proxy, passing ? TransportCause::reset : TransportCause::proxy_refused},
        proxy + " does not connect to " + target + " (" + std::to_string(head.status) + ")",
        "check that the proxy may go there, or set no_proxy");
}

[[noreturn]] void closed_early(const std::string& proxy) {
    throw TransportError(
        {TransportStage::proxy, TransportCause::closed_early},
        proxy + " closed the connection without an answer",
        "check the proxy");
}

[[noreturn]] void says_more(const std::string& proxy) {
    throw TransportError(
        {TransportStage::proxy, TransportCause::protocol},
        proxy + " sends more than its answer", // TLS begins with our side
        "check the proxy");
}

} // namespace

awaitable<void> open_tunnel(Wire& wire, const Peer& peer) {
    const std::string proxy = printable(peer.proxy_name());
    const std::string request = request_for(peer);
    co_await wire.write(request);
    ReplyParser::Rules rules;
    rules.http_1_0 = true;
    ReplyParser parser(rules);
    std::string bytes;
    std::vector<std::byte> piece(4096);
    for (;;) {
        const std::size_t n = co_await wire.read_some(piece);
        if (n == 0)
            closed_early(proxy);
        bytes.append(reinterpret_cast<const char*>(piece.data()), n);
        std::size_t used = 0;
        const std::optional<ReplyHead> head = parser.head(bytes, used);
        bytes.erase(0, used);
        if (!head)
            continue;
        check_answer(*head, proxy, printable(peer.name()));
        if (!bytes.empty())
            says_more(proxy);
        co_return;
    }
}

} // namespace tz
