#include <tz/protocols/transport_error.hpp>

#include <utility>

namespace tz {

const char* to_string(TransportStage stage) {
    switch (stage) {
    case TransportStage::resolve:
        return "resolve";
    case TransportStage::connect:
        return "connect";
    case TransportStage::proxy:
        return "proxy";
    case TransportStage::tls:
        return "tls";
    case TransportStage::send:
        return "send";
    case TransportStage::first_byte:
        return "first byte";
    case TransportStage::body:
        return "body";
    }
    return "?";
}

const char* to_string(TransportCause cause) {
    switch (cause) {
    case TransportCause::unknown_host:
        return "unknown host";
    case TransportCause::no_dns:
        return "no answer from DNS";
    case TransportCause::forbidden:
        return "forbidden address";
    case TransportCause::refused:
        return "refused";
    case TransportCause::unreachable:
        return "unreachable";
    case TransportCause::timed_out:
        return "timed out";
    case TransportCause::stalled:
        return "stalled";
    case TransportCause::reset:
        return "reset";
    case TransportCause::closed_early:
        return "closed early";
    case TransportCause::certificate:
        return "certificate";
    case TransportCause::tls:
        return "tls";
    case TransportCause::proxy_denied:
        return "denied by the proxy";
    case TransportCause::proxy_refused:
        return "refused by the proxy";
    case TransportCause::protocol:
        return "protocol";
    }
    return "?";
}

bool TransportFault::stale() const {
    return reused && repeatable && !answered &&
           (stage == TransportStage::send || stage == TransportStage::first_byte) &&
           (cause == TransportCause::reset || cause == TransportCause::closed_early);
}

bool TransportFault::lasting() const {
    return cause == TransportCause::forbidden || cause == TransportCause::certificate ||
           cause == TransportCause::tls || cause == TransportCause::proxy_denied ||
           cause == TransportCause::proxy_refused || cause == TransportCause::protocol;
}

errc TransportFault::kind() const {
    const bool denied = cause == TransportCause::forbidden || cause == TransportCause::proxy_denied;
    return denied ? errc::denied : errc::transport;
}

TransportError::TransportError(TransportFault fault, std::string what, std::string hint)
    : Error(fault.kind(), what, {}, std::move(hint)),
      fault_(fault),
      reason_(std::move(what)) {}

TransportError TransportError::with(const TransportFault& fault) const {
    TransportError error(*this);
    error.fault_ = fault;
    return error;
}

} // namespace tz
