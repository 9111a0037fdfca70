// One HTTP/1.1 connection that is kept alive: what a lane reads its ranges over.
#pragma once

#include <tz/engine/async.hpp>
#include <tz/protocols/connect.hpp>
#include <tz/protocols/network.hpp>
#include <tz/protocols/reply.hpp>
#include <tz/protocols/transport_error.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace tz {

class TlsContext;

struct HttpRequest {
    std::string method = "GET";
    std::string target = "/"; ///< path and query as they go over the wire
    std::string host;         ///< the value of Host; unset: the peer's
    /// Also sent, where they are not among these: Accept-Encoding: identity, User-Agent,
    /// Content-Length.
    std::vector<HttpHeader> headers;
    std::string body;
    /// Follows `body`, sent from where it lies, which stays until the answer has come.
    std::span<const std::byte> payload{};
};

/// Made, used and destroyed on its loop's thread; one operation at a time. After an error or a
/// cancellation it is closed, and holds no descriptor, timer or coroutine.
///
/// Operations throw `TransportError`, and `boost::system::system_error` (operation_aborted) when
/// they are cancelled (terminal).
class Connection {
public:
    using Clock = std::chrono::steady_clock;

    /// `tls` is needed where `peer.tls`; options and `tls` outlive the connection.
    static awaitable<std::unique_ptr<Connection>>
    open(Peer peer, const TransportOptions& options, TlsContext* tls);
    /// The same, with everything on it over by `deadline`.
    static awaitable<std::unique_ptr<Connection>>
    open(Peer peer, const TransportOptions& options, TlsContext* tls, Clock::time_point deadline);

    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// Sends the request and reads the head of the answer, once the body of the one before has been
    /// read. `request` stays until then. A server that answers before it has all of the payload is
    /// not sent the rest, and the connection is not used again. Throws `tz::Error` (errc::usage)
    /// for text that can't be sent.
    awaitable<ReplyHead> exchange(const HttpRequest& request);

    /// Fills `to` with the next bytes of a body with a length: no more of them than are left.
    /// Memory and spans stay until completion. What came before a failure or a cancellation is in
    /// `to`; `body_received()` says how much that is.
    awaitable<void> read_body(std::span<const std::span<std::byte>> to);
    awaitable<void> read_body(std::span<std::byte> to);

    /// The rest of a body of any kind, or its first `max` bytes; then the connection is closed
    /// unless the body ended exactly there.
    awaitable<std::string> read_text(std::size_t max);

    /// Bytes of the answer's body that were handed out so far.
    std::uint64_t body_received() const;
    bool body_ended() const;
    /// It ended, and read_text() did not cut it.
    bool body_whole() const;

    /// Everything asked for has been read, and the server lets another request come.
    bool reusable() const;
    /// Requests that were answered.
    std::uint64_t served() const;
    /// TLS began with the session of another connection.
    bool resumed() const;

    /// No operation ends later, one that is under way too: it fails with TransportCause::timed_out.
    /// At once where there is no memory to wait for it.
    void end_by(Clock::time_point deadline);

    /// Without waiting. Also ends an operation that is under way.
    void close();

private:
    struct State;
    class Closing;

    explicit Connection(std::unique_ptr<State> state);

    std::unique_ptr<State> state_;
};

/// A whole small answer.
struct HttpReply {
    ReplyHead head;
    std::string body;
};

/// One request on a connection of its own, over by `timeout`. An answer larger than `body_max` is
/// an error (protocol).
awaitable<HttpReply> call(
    Peer peer,
    HttpRequest request,
    TransportOptions options,
    TlsContext* tls,
    std::chrono::milliseconds timeout,
    std::size_t body_max);

} // namespace tz
