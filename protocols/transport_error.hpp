// What went wrong between here and a server, as one value that decides whether to try again. Pure.
#pragma once

#include <tz/format/error.hpp>

#include <cstdint>
#include <string>

namespace tz {

/// What was being done.
enum class TransportStage : std::uint8_t { resolve, connect, proxy, tls, send, first_byte, body };

/// Why it ended.
enum class TransportCause : std::uint8_t {
    unknown_host,  ///< the name has no address
    no_dns,        ///< the name service did not answer
    forbidden,     ///< the address must not be connected to from here
    refused,       ///< nobody listens
    unreachable,   ///< no route there
    timed_out,     ///< a step took longer than its limit
    stalled,       ///< bytes came too slowly
    reset,         ///< the connection broke
    closed_early,  ///< the other side ended before it was done
    certificate,   ///< the server's certificate, or what it says of ours
    tls,           ///< any other failure of TLS
    proxy_denied,  ///< the proxy wants other credentials
    proxy_refused, ///< the proxy answered that it won't
    protocol,      ///< what came is not the HTTP that we take
};

struct TransportFault {
    TransportStage stage = TransportStage::connect;
    TransportCause cause = TransportCause::reset;
    std::uint64_t received = 0; ///< bytes of this answer's body that the caller has got
    bool answered = false;      ///< some byte of the answer had come
    bool reused = false;        ///< the connection had served a request before this one
    bool repeatable = true;     ///< the request was not sent, or does no harm when it is sent twice

    /// The server closed a kept connection just as the next request went out: no failure of
    /// anything, to be sent again at once on a new connection.
    bool stale() const;
    /// errc::denied where somebody says no, else errc::transport.
    errc kind() const;
};

/// Of its fault's kind. `tz::Error::in` gives a plain `tz::Error`: look at `fault()` first.
class TransportError : public Error {
public:
    TransportError(TransportFault fault, std::string what, std::string hint = {});

    const TransportFault& fault() const noexcept { return fault_; }

    /// What is wrong, without the hint.
    const std::string& reason() const noexcept { return reason_; }

    TransportError with(const TransportFault& fault) const;

private:
    TransportFault fault_;
    std::string reason_;
};

} // namespace tz
