// OpenSSL's errors, for people and for whoever decides about a retry.
#pragma once

#include <tz/protocols/transport_error.hpp>

#include <string>

struct x509_store_ctx_st;
struct x509_st;

namespace tz {

struct TlsReason {
    TransportCause cause = TransportCause::tls;
    std::string what; ///< follows "TLS with HOST: "
    std::string hint;
};

/// Why `certificate` does not verify; `error` is X509_V_ERR_...
TlsReason certificate_reason(int error, x509_st* certificate, const std::string& host);

/// The first error in this thread's queue of OpenSSL, which is emptied.
TlsReason take_tls_reason();

} // namespace tz
