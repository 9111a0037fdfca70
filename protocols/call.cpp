#include <tz/protocols/connection.hpp>

#include <utility>

namespace tz {

awaitable<HttpReply> call(
    Peer peer,
    HttpRequest request,
    TransportOptions options,
    TlsContext* tls,
    std::chrono::milliseconds timeout,
    std::size_t body_max) {
    const auto deadline = Connection::Clock::now() + timeout;
    const std::unique_ptr<Connection> connection =
        co_await Connection::open(std::move(peer), options, tls, deadline);
    HttpReply reply;
    reply.head = co_await connection->exchange(request);
    reply.body = co_await connection->read_text(body_max);
    if (!connection->body_whole())
        throw TransportError(
            {TransportStage::body, TransportCause::protocol},
            "the answer is larger than " + std::to_string(body_max) + " bytes",
            "check that this is the right server");
    co_return reply;
}

} // namespace tz
