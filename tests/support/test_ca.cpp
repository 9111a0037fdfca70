#include <tz/tests/support/test_ca.hpp>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <stdexcept>
#include <system_error>
#include <unistd.h>

namespace tz::test {

namespace {

template <auto free>
struct Freed {
    template <typename T>
    void operator()(T* value) const {
        free(value);
    }
};

using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Cert = std::unique_ptr<X509, Freed<X509_free>>;
using Bio = std::unique_ptr<BIO, Freed<BIO_free_all>>;

constexpr long day = 24L * 60 * 60;

void check(bool good, const char* what) {
    if (good)
        return;
    char text[256];
    ERR_error_string_n(ERR_get_error(), text, sizeof text);
    throw std::runtime_error(std::string(what) + ": " + text);
}

Key elliptic_key() {
    Key key(EVP_EC_gen("P-256"));
    check(key != nullptr, "EVP_EC_gen");
    return key;
}

Key weak_key() {
    Key key(EVP_RSA_gen(1024));
    check(key != nullptr, "EVP_RSA_gen");
    return key;
}

void extend(X509* cert, X509* issuer, int nid, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
    check(extension != nullptr, "X509V3_EXT_conf_nid");
    const int added = X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
    check(added == 1, "X509_add_ext");
}

struct Subject {
    const char* name = "localhost";
    const char* alternatives = "DNS:localhost,IP:127.0.0.1,IP:::1"; ///< null for an authority
    long from = -day;
    long until = 30 * day;
};

// Signed by `issuer`, or by itself where there is none.
Cert certify(
    const Subject& subject,
    EVP_PKEY* key,
    X509* issuer,
    EVP_PKEY* issuer_key,
    const EVP_MD* hash = EVP_sha256()) {
    static std::atomic<long> serial = 1;
    Cert cert(X509_new());
    check(cert != nullptr, "X509_new");
    X509_set_version(cert.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), serial++);
    X509_gmtime_adj(X509_getm_notBefore(cert.get()), subject.from);
    X509_gmtime_adj(X509_getm_notAfter(cert.get()), subject.until);
    X509_NAME_add_entry_by_txt(
        X509_get_subject_name(cert.get()),
        "CN",
        MBSTRING_ASC,
        reinterpret_cast<const unsigned char*>(subject.name),
        -1,
        -1,
        0);
    X509* const by = issuer != nullptr ? issuer : cert.get();
    X509_set_issuer_name(cert.get(), X509_get_subject_name(by));
    X509_set_pubkey(cert.get(), key);
    const bool authority = subject.alternatives == nullptr;
    extend(
        cert.get(),
        by,
        NID_basic_constraints,
        authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    extend(cert.get(), by, NID_subject_key_identifier, "hash");
    if (authority) {
        extend(cert.get(), by, NID_key_usage, "critical,keyCertSign,cRLSign");
    } else {
        extend(cert.get(), by, NID_subject_alt_name, subject.alternatives);
        extend(cert.get(), by, NID_ext_key_usage, "serverAuth,clientAuth");
    }
    check(X509_sign(cert.get(), issuer_key, hash) > 0, "X509_sign");
    return cert;
}

std::string text_of(const Bio& bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string pem_of(X509* cert) {
    const Bio bio(BIO_new(BIO_s_mem()));
    check(PEM_write_bio_X509(bio.get(), cert) == 1, "PEM_write_bio_X509");
    return text_of(bio);
}

std::string pem_of(EVP_PKEY* key) {
    const Bio bio(BIO_new(BIO_s_mem()));
    check(
        PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
        "PEM_write_bio_PrivateKey");
    return text_of(bio);
}

Subject authority() {
    Subject subject;
    subject.name = "tz test authority";
    subject.alternatives = nullptr;
    return subject;
}

Subject subject_of(Certificate kind) {
    Subject subject;
    if (kind == Certificate::wrong_name) {
        subject.name = "wrong.example";
        subject.alternatives = "DNS:wrong.example";
    } else if (kind == Certificate::name_only) {
        subject.alternatives = "DNS:localhost";
    } else if (kind == Certificate::expired) {
        subject.from = -2 * day;
        subject.until = -day;
    } else if (kind == Certificate::not_yet_valid) {
        subject.from = day;
    }
    return subject;
}

} // namespace

struct TestCa::State {
    Key key = elliptic_key();
    Cert cert = certify(authority(), key.get(), nullptr, key.get());
};

TestCa::TestCa() : state_(std::make_unique<State>()) {}

TestCa::~TestCa() = default;

std::string TestCa::pem() const {
    return pem_of(state_->cert.get());
}

PemPair TestCa::client() const {
    Subject subject;
    subject.name = "tz test client";
    subject.alternatives = "DNS:client.example";
    const Key key = elliptic_key();
    const Cert cert = certify(subject, key.get(), state_->cert.get(), state_->key.get());
    return {pem_of(cert.get()), pem_of(key.get())};
}

std::shared_ptr<SSL_CTX> TestCa::server_context(const TlsOptions& options) const {
    const Certificate kind = options.certificate;
    const Key key = kind == Certificate::weak_key ? weak_key() : elliptic_key();
    const bool unknown = kind == Certificate::unknown_ca;
    const std::unique_ptr<const State> other = unknown ? std::make_unique<State>() : nullptr;
    const State& ca = unknown ? *other : *state_;
    const bool self = kind == Certificate::self_signed;
    const Cert cert = certify(
        subject_of(kind),
        key.get(),
        self ? nullptr : ca.cert.get(),
        self ? key.get() : ca.key.get(),
        kind == Certificate::weak_hash ? EVP_sha1() : EVP_sha256());

    std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
    check(context != nullptr, "SSL_CTX_new");
    SSL_CTX_set_security_level(context.get(), 0); // what is weak is for the client to refuse
    SSL_CTX_set_min_proto_version(context.get(), options.version_min);
    SSL_CTX_set_max_proto_version(context.get(), options.version_max);
    SSL_CTX_set_mode(
        context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    check(SSL_CTX_use_certificate(context.get(), cert.get()) == 1, "SSL_CTX_use_certificate");
    check(SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1, "SSL_CTX_use_PrivateKey");
    if (options.client_certificate) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), state_->cert.get());
        SSL_CTX_set_verify(
            context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
        const unsigned char id[] = "tz";
        SSL_CTX_set_session_id_context(context.get(), id, sizeof id);
    }
    return context;
}

const TestCa& test_ca() {
    static const TestCa ca;
    return ca;
}

void write_pem(const std::string& path, const std::string& pem) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const bool written = fd >= 0 && ::write(fd, pem.data(), pem.size()) == ssize_t(pem.size());
    const int error = errno;
    if (fd >= 0)
        ::close(fd);
    if (!written)
        throw std::system_error(error, std::generic_category(), path);
}

} // namespace tz::test
