#include <tz/protocols/transport_error.hpp>

#include <utility>

namespace tz {

bool TransportFault::stale() const {
    return reused && repeatable && !answered &&
           (stage == TransportStage::send || stage == TransportStage::first_byte) &&
           (cause == TransportCause::reset || cause == TransportCause::closed_early);
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
