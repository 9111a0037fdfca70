#include <tz/protocols/tls_reason.hpp>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <array>
#include <memory>

namespace tz {

namespace {

// As many names as fit a line.
constexpr int names_max = 4;

std::string date(const ASN1_TIME* time) {
    tm when{};
    if (::ASN1_TIME_to_tm(time, &when) != 1)
        return "an unknown date";
    std::array<char, 32> text{};
    (void)std::strftime(text.data(), text.size(), "%Y-%m-%d", &when);
    return text.data();
}

std::string address(const ASN1_OCTET_STRING* bytes) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const int family = ::ASN1_STRING_length(bytes) == 4    ? AF_INET
                       : ::ASN1_STRING_length(bytes) == 16 ? AF_INET6
                                                           : AF_UNSPEC;
    if (family == AF_UNSPEC ||
        !::inet_ntop(family, ::ASN1_STRING_get0_data(bytes), text.data(), text.size()))
        return "?";
    return text.data();
}

std::string name_of(const GENERAL_NAME* name) {
    if (name->type == GEN_IPADD)
        return address(name->d.iPAddress);
    if (name->type != GEN_DNS)
        return {};
    const ASN1_IA5STRING* text = name->d.dNSName;
    return printable(
        {reinterpret_cast<const char*>(::ASN1_STRING_get0_data(text)),
         static_cast<std::size_t>(::ASN1_STRING_length(text))});
}

std::string names_of(X509* certificate) {
    const std::unique_ptr<GENERAL_NAMES, decltype(&::GENERAL_NAMES_free)> names(
        static_cast<GENERAL_NAMES*>(
            ::X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
        ::GENERAL_NAMES_free);
    std::string list;
    int count = 0;
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const std::string name = name_of(sk_GENERAL_NAME_value(names.get(), i));
        if (name.empty())
            continue;
        if (++count > names_max)
            return list + " ...";
        list += (list.empty() ? "" : ", ") + name;
    }
    if (!list.empty())
        return list;
    std::array<char, 256> common{};
    const int size = ::X509_NAME_get_text_by_NID(
        ::X509_get_subject_name(certificate),
        NID_commonName,
        common.data(),
        static_cast<int>(common.size()));
    return size > 0 ? printable(common.data()) : "nobody";
}

TlsReason unverified(std::string what, std::string hint) {
    return {TransportCause::certificate, std::move(what), std::move(hint)};
}

} // namespace

TlsReason certificate_reason(int error, x509_st* certificate, const std::string& host) {
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return unverified(
            "its certificate expired on " +
                (certificate ? date(::X509_get0_notAfter(certificate)) : "?"),
            "the server needs a new certificate; check this machine's clock");
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return unverified(
            "its certificate is valid only from " +
                (certificate ? date(::X509_get0_notBefore(certificate)) : "?"),
            "check this machine's clock");
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return unverified(
            "its certificate is for " + (certificate ? names_of(certificate) : "?") + ", not for " +
                printable(host),
            "use a name that the certificate is for");
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return unverified(
            "its certificate is self-signed", "give it as CA file, if you know that it is right");
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        return unverified(
            "its certificate is by an unknown authority",
            "give the authority's certificate as CA file, or install ca-certificates");
    default:
        return unverified(
            std::string("its certificate is refused: ") + ::X509_verify_cert_error_string(error),
            "the server needs another certificate");
    }
}

TlsReason take_tls_reason() {
    const unsigned long error = ::ERR_peek_error();
    const int library = ERR_GET_LIB(error);
    const int reason = ERR_GET_REASON(error);
    const char* text = ::ERR_reason_error_string(error);
    TlsReason found{TransportCause::tls, text ? text : "unknown error", "check the server"};
    ::ERR_clear_error();
    if (library != ERR_LIB_SSL)
        return found;
    switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
        return {
            TransportCause::protocol,
            "what answers on this port does not speak TLS",
            "check the port, or use http://"};
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_VERSION_TOO_LOW:
        found.what = "the server has no TLS 1.2 or newer";
        found.hint = "the server's TLS is too old to be safe";
        return found;
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
        return unverified(
            "the server does not take our certificate: " + found.what,
            "give the certificate and key that it wants");
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
        found.hint = "the server may want a client certificate, or shares no cipher";
        return found;
    default:
        return found;
    }
}

} // namespace tz
