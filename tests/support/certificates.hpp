// Certificates and TLS servers for tests, made when they run.
#pragma once

#include "files.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>
#include <string>

namespace tz::test {

using Certificate = std::unique_ptr<X509, decltype(&::X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&::EVP_PKEY_free)>;
using ServerContext = std::shared_ptr<SSL_CTX>;

/// A certificate with its key, both also as PEM files.
struct Issued {
    Certificate certificate{nullptr, ::X509_free};
    Key key{nullptr, ::EVP_PKEY_free};
    std::string certificate_file;
    std::string key_file;
};

struct Wish {
    std::string name = "localhost";
    std::string alternatives = "DNS:localhost"; ///< as in openssl.cnf; "" for none
    long from = -3600;                          ///< seconds from now
    long until = 3600;
    bool authority = false;
};

inline void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = ::X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    ::X509_add_ext(certificate, extension, -1);
    ::X509_EXTENSION_free(extension);
}

/// Signs by `issuer`, or by itself where that is null.
inline Issued issue(const TempFolder& folder, const Wish& wish, const Issued* issuer) {
    static int serial = 0;
    ++serial;
    Issued made;
    made.key.reset(EVP_EC_gen("P-256"));
    made.certificate.reset(::X509_new());
    X509* certificate = made.certificate.get();
    X509* by = issuer ? issuer->certificate.get() : certificate;
    ::X509_set_version(certificate, 2);
    ::ASN1_INTEGER_set(::X509_get_serialNumber(certificate), serial);
    ::X509_gmtime_adj(::X509_getm_notBefore(certificate), wish.from);
    ::X509_gmtime_adj(::X509_getm_notAfter(certificate), wish.until);
    ::X509_set_pubkey(certificate, made.key.get());
    ::X509_NAME_add_entry_by_txt(
        ::X509_get_subject_name(certificate),
        "CN",
        MBSTRING_ASC,
        reinterpret_cast<const unsigned char*>(wish.name.c_str()),
        -1,
        -1,
        0);
    ::X509_set_issuer_name(certificate, ::X509_get_subject_name(by));
    if (wish.authority)
        add_extension(certificate, by, NID_basic_constraints, "critical,CA:TRUE");
    if (!wish.alternatives.empty())
        add_extension(certificate, by, NID_subject_alt_name, wish.alternatives);
    ::X509_sign(certificate, issuer ? issuer->key.get() : made.key.get(), ::EVP_sha256());

    made.certificate_file = folder / ("certificate" + std::to_string(serial) + ".pem");
    made.key_file = folder / ("key" + std::to_string(serial) + ".pem");
    std::FILE* file = std::fopen(made.certificate_file.c_str(), "w");
    ::PEM_write_X509(file, certificate);
    std::fclose(file);
    file = std::fopen(made.key_file.c_str(), "w");
    ::PEM_write_PrivateKey(file, made.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    return made;
}

/// An authority of our own.
inline Issued issue_authority(const TempFolder& folder) {
    static int number = 0;
    Wish wish;
    wish.name = "tz test authority " + std::to_string(++number);
    wish.alternatives.clear();
    wish.authority = true;
    return issue(folder, wish, nullptr);
}

inline ServerContext server_context(const Issued& identity) {
    ServerContext context(::SSL_CTX_new(::TLS_server_method()), ::SSL_CTX_free);
    ::SSL_CTX_use_certificate(context.get(), identity.certificate.get());
    ::SSL_CTX_use_PrivateKey(context.get(), identity.key.get());
    static const unsigned char id[] = "tz";
    ::SSL_CTX_set_session_id_context(context.get(), id, 2);
    return context;
}

} // namespace tz::test
