// TLS as the test server speaks it, and as it breaks it; with OpenSSL's own client.
#include "raw_client.hpp"
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/held.hpp>

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <csignal>
#include <netinet/in.h>
#include <sys/stat.h>

namespace tz::test {
namespace {

using Kind = FaultKind;
using std::chrono::milliseconds;

struct ClientOptions {
    const char* name = "localhost"; ///< or an IP address
    bool certificate = false;
    bool old = false; ///< TLS 1.1 and weak keys are welcome
    std::string ca_file{};
};

/// A blocking client. Only what each test needs is checked, with the rules that OpenSSL has.
class TlsClient {
public:
    TlsClient(std::uint16_t port, const ClientOptions& options = {})
        : context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free),
          socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
        ::signal(SIGPIPE, SIG_IGN);
        trust(options);
        ssl_.reset(SSL_new(context_.get()), SSL_free);
        SSL_set_tlsext_host_name(ssl_.get(), "localhost");
        X509_VERIFY_PARAM* rules = SSL_get0_param(ssl_.get());
        if (X509_VERIFY_PARAM_set1_ip_asc(rules, options.name) != 1)
            X509_VERIFY_PARAM_set1_host(rules, options.name, 0);
        connect(port);
    }

    ~TlsClient() { ::close(socket_); }

    TlsClient(const TlsClient&) = delete;
    TlsClient& operator=(const TlsClient&) = delete;

    bool connected() const { return connected_; }

    long verdict() const { return SSL_get_verify_result(ssl_.get()); }

    const char* version() const { return SSL_get_version(ssl_.get()); }

    /// Of the first error in OpenSSL's queue when a call failed.
    int reason() const { return ERR_GET_REASON(error_); }

    std::string get(const std::string& target) {
        const std::string text =
            "GET " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()));
        return rest();
    }

    /// Until the end; `end` is then what SSL_get_error says of it.
    std::string rest() {
        std::string all;
        char bytes[16384];
        int got = 0;
        ERR_clear_error();
        while ((got = SSL_read(ssl_.get(), bytes, sizeof bytes)) > 0)
            all.append(bytes, static_cast<std::size_t>(got));
        end = SSL_get_error(ssl_.get(), got);
        error_ = ERR_peek_error();
        return all;
    }

    int end = 0;

private:
    void trust(const ClientOptions& options) {
        SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
        EXPECT_EQ(
            SSL_CTX_load_verify_locations(context_.get(), options.ca_file.c_str(), nullptr), 1);
        SSL_CTX_set_security_level(context_.get(), options.old ? 0 : 2);
        SSL_CTX_set_min_proto_version(
            context_.get(), options.old ? TLS1_1_VERSION : TLS1_2_VERSION);
        if (!options.certificate)
            return;
        const TempFolder folder;
        const PemPair pair = test_ca().client();
        write_pem(folder / "c.pem", pair.certificate);
        write_pem(folder / "k.pem", pair.key);
        EXPECT_EQ(
            SSL_CTX_use_certificate_file(
                context_.get(), (folder / "c.pem").c_str(), SSL_FILETYPE_PEM),
            1);
        EXPECT_EQ(
            SSL_CTX_use_PrivateKey_file(
                context_.get(), (folder / "k.pem").c_str(), SSL_FILETYPE_PEM),
            1);
    }

    void connect(std::uint16_t port) {
        const timeval time{2, 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ASSERT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        SSL_set_fd(ssl_.get(), socket_);
        ERR_clear_error();
        const int result = SSL_connect(ssl_.get());
        connected_ = result == 1;
        end = SSL_get_error(ssl_.get(), result);
        error_ = ERR_peek_error();
    }

    std::shared_ptr<SSL_CTX> context_;
    std::shared_ptr<SSL> ssl_;
    const int socket_;
    bool connected_ = false;
    unsigned long error_ = 0;
};

class HttpTls : public testing::Test {
protected:
    void SetUp() override { write_pem(folder_ / "ca.pem", test_ca().pem()); }

    std::unique_ptr<HttpServer> server(const TlsOptions& tls, const Rule& rule = {}) const {
        HttpServerOptions options;
        options.tls = tls;
        options.rules.push_back(rule);
        auto server = std::make_unique<HttpServer>(options);
        server->put("/o", text_object("0123456789"));
        return server;
    }

    TlsClient client(const HttpServer& server, ClientOptions options = {}) const {
        options.ca_file = folder_ / "ca.pem";
        return TlsClient(server.port(), options);
    }

    long verdict(Certificate certificate) const {
        const auto bad = server({.certificate = certificate});
        const TlsClient one = client(*bad);
        EXPECT_FALSE(one.connected());
        return one.verdict();
    }

    TempFolder folder_;
};

TEST_F(HttpTls, ServesWhomItsAuthorityIsTrustedBy) {
    const auto good = server({});
    EXPECT_TRUE(good->url("/o", "localhost").starts_with("https://localhost:"));
    for (const char* name : {"localhost", "127.0.0.1", "::1"}) {
        TlsClient one = client(*good, {.name = name});
        ASSERT_TRUE(one.connected()) << name;
        EXPECT_STREQ(one.version(), "TLSv1.3");
        EXPECT_TRUE(one.get("/o").ends_with("\r\n\r\n0123456789"));
        EXPECT_EQ(one.end, SSL_ERROR_ZERO_RETURN); // close_notify
    }
    EXPECT_GT(good->counts().bytes_sent, 30u);
}

TEST_F(HttpTls, HasCertificatesForEachMistake) {
    EXPECT_EQ(verdict(Certificate::wrong_name), X509_V_ERR_HOSTNAME_MISMATCH);
    EXPECT_EQ(verdict(Certificate::expired), X509_V_ERR_CERT_HAS_EXPIRED);
    EXPECT_EQ(verdict(Certificate::not_yet_valid), X509_V_ERR_CERT_NOT_YET_VALID);
    EXPECT_EQ(verdict(Certificate::unknown_ca), X509_V_ERR_CERT_SIGNATURE_FAILURE);
    EXPECT_EQ(verdict(Certificate::self_signed), X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT);
    EXPECT_EQ(verdict(Certificate::weak_key), X509_V_ERR_EE_KEY_TOO_SMALL);
    EXPECT_EQ(verdict(Certificate::weak_hash), X509_V_ERR_CA_MD_TOO_WEAK);
}

TEST_F(HttpTls, HasACertificateForTheNameButNotTheAddress) {
    const auto named = server({.certificate = Certificate::name_only});
    EXPECT_TRUE(client(*named).connected());
    const TlsClient one = client(*named, {.name = "127.0.0.1"});
    EXPECT_FALSE(one.connected());
    EXPECT_EQ(one.verdict(), X509_V_ERR_IP_ADDRESS_MISMATCH);
}

TEST_F(HttpTls, AsksForACertificate) {
    const auto strict = server({.client_certificate = true});
    TlsClient with = client(*strict, {.certificate = true});
    ASSERT_TRUE(with.connected());
    EXPECT_TRUE(with.get("/o").ends_with("0123456789"));
    TlsClient without = client(*strict);
    without.get("/o"); // TLS 1.3 says so only after the handshake
    EXPECT_EQ(without.reason(), SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED);
}

TEST_F(HttpTls, SpeaksOneVersionOnly) {
    const auto old = server({.version_min = TLS1_1_VERSION, .version_max = TLS1_1_VERSION});
    EXPECT_FALSE(client(*old).connected());
    TlsClient lax = client(*old, {.old = true});
    ASSERT_TRUE(lax.connected());
    EXPECT_STREQ(lax.version(), "TLSv1.1");
    const auto middle = server({.version_max = TLS1_2_VERSION});
    EXPECT_STREQ(client(*middle).version(), "TLSv1.2");
}

TEST_F(HttpTls, EndsWithoutCloseNotify) {
    const auto cut = server({}, {.faults = {{Kind::truncate_after, 4}}});
    TlsClient one = client(*cut);
    EXPECT_TRUE(one.get("/o").ends_with("\r\n\r\n0123"));
    EXPECT_EQ(one.end, SSL_ERROR_SSL);
    EXPECT_EQ(one.reason(), SSL_R_UNEXPECTED_EOF_WHILE_READING);
    const auto closed = server({}, {.faults = {{Kind::close_after, 4}}});
    TlsClient two = client(*closed);
    EXPECT_TRUE(two.get("/o").ends_with("\r\n\r\n0123"));
    EXPECT_EQ(two.end, SSL_ERROR_ZERO_RETURN);
    const auto reset = server({}, {.faults = {{Kind::reset_after, 4}}});
    TlsClient three = client(*reset);
    EXPECT_TRUE(three.get("/o").ends_with("\r\n\r\n0123"));
    EXPECT_EQ(three.end, SSL_ERROR_SYSCALL);
}

TEST_F(HttpTls, BreaksHandshakes) {
    const auto broken = server({});
    broken->add(ConnectionRule{0, 0, {Kind::plain_text}});
    broken->add(ConnectionRule{1, 1, {Kind::tls_alert}});
    broken->add(ConnectionRule{2, 2, {Kind::tls_cut_hello, 20}});
    broken->add(ConnectionRule{3, 3, {Kind::tls_stall}});
    const TlsClient plain = client(*broken);
    EXPECT_FALSE(plain.connected());
    EXPECT_EQ(plain.reason(), SSL_R_WRONG_VERSION_NUMBER);
    const TlsClient alert = client(*broken);
    EXPECT_FALSE(alert.connected());
    EXPECT_EQ(alert.reason(), SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE);
    const TlsClient cut = client(*broken);
    EXPECT_FALSE(cut.connected());
    EXPECT_EQ(cut.reason(), SSL_R_UNEXPECTED_EOF_WHILE_READING);
    const TlsClient stalled = client(*broken);
    EXPECT_FALSE(stalled.connected());
    EXPECT_EQ(stalled.end, SSL_ERROR_WANT_READ); // its time was up
    EXPECT_TRUE(client(*broken).connected());
}

TEST_F(HttpTls, AsksForAnotherHandshake) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        const auto asking = server({.version_max = version}, {.faults = {{Kind::renegotiate}}});
        TlsClient one = client(*asking);
        ASSERT_TRUE(one.connected());
        EXPECT_TRUE(one.get("/o").ends_with("0123456789")) << version;
    }
}

TEST_F(HttpTls, SpeaksPlainTextToNobody) {
    const auto good = server({});
    RawClient plain(good->port());
    plain.ask("/o");
    EXPECT_EQ(plain.rest().find("HTTP/1.1 200"), std::string::npos);
    EXPECT_EQ(good->counts().requests, 0u);
}

TEST_F(HttpTls, KeepsKeysFromOthers) {
    const PemPair pair = test_ca().client();
    write_pem(folder_ / "key.pem", pair.key);
    struct stat facts{};
    ASSERT_EQ(::stat((folder_ / "key.pem").c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0600u);
    EXPECT_TRUE(pair.key.starts_with("-----BEGIN PRIVATE KEY-----"));
}

TEST_F(HttpTls, LeavesNothingBehindThoughClientsHang) {
    {
        const auto warm = server({});
    }
    const Held before = held();
    {
        auto stalled = server({}, {.faults = {{Kind::stall_after, 4}}});
        RawClient silent(stalled->port()); // never begins its handshake
        RawClient asking(stalled->port());
        while (stalled->counts().open < 2)
            std::this_thread::sleep_for(milliseconds(1));
        stalled.reset(); // waits for no client
    }
    EXPECT_EQ(held_soon(before), before);
}

} // namespace
} // namespace tz::test
