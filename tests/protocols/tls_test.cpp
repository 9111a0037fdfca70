#include "fake_dns.hpp"
#include "tls_fixture.hpp"

namespace tz {

namespace {

using namespace test;
using std::chrono::milliseconds;

TEST_F(Tls, TrustsACertificateOfTheAuthority) {
    expect_answer(server_context(good()));
}

TEST_F(Tls, TakesAddressesThatTheCertificateNames) {
    Wish wish;
    wish.alternatives = "DNS:other.test,IP:127.0.0.1";
    expect_answer(server_context(issue(folder, wish, &authority)), "127.0.0.1");
}

TEST_F(Tls, TakesWildcardsOfOneLabel) {
    Wish wish;
    wish.alternatives = "DNS:*.localhost";
    const Failure failure = certificate_failure(wish);
    EXPECT_TRUE(says(failure, "*.localhost")) << failure.what;
}

TEST_F(Tls, RefusesExpiredCertificates) {
    Wish wish;
    wish.from = -7200;
    wish.until = -3600;
    const Failure failure = certificate_failure(wish);
    EXPECT_TRUE(says(failure, "expired on 2")) << failure.what;
}

TEST_F(Tls, RefusesCertificatesOfTheFuture) {
    Wish wish;
    wish.from = 3600;
    wish.until = 7200;
    const Failure failure = certificate_failure(wish);
    EXPECT_TRUE(says(failure, "valid only from 2")) << failure.what;
}

TEST_F(Tls, RefusesOtherNamesAndSaysBoth) {
    Wish wish;
    wish.alternatives = "DNS:other.test,IP:10.1.2.3";
    const Failure failure = certificate_failure(wish);
    EXPECT_TRUE(says(failure, "for other.test, 10.1.2.3, not for localhost")) << failure.what;
    EXPECT_TRUE(says(certificate_failure(wish, "127.0.0.1"), "not for 127.0.0.1"));
}

TEST_F(Tls, RefusesAnAddressThatOnlyANameIsLike) {
    Wish wish;
    wish.name = "127.0.0.1";
    wish.alternatives = "DNS:127.0.0.1";
    certificate_failure(wish, "127.0.0.1");
}

TEST_F(Tls, RefusesHostsThatNoCertificateCanBeFor) {
    const ServerContext context = server_context(good());
    TransportOptions open;
    open.insecure = true;
    tls = std::make_unique<TlsContext>(open);
    FakeDns dns;
    const std::string host(300, 'a'); // longer than any name
    dns.set(host, {"127.0.0.1"});
    const Failure failure = expect_failure(context, host);
    EXPECT_FAULT(failure, tls, certificate);
}

TEST_F(Tls, RefusesUnknownAuthorities) {
    const Issued other = issue_authority(folder);
    const Failure failure = expect_failure(server_context(issue(folder, Wish(), &other)));
    EXPECT_FAULT(failure, tls, certificate);
    EXPECT_TRUE(says(failure, "unknown authority")) << failure.what;
}

TEST_F(Tls, RefusesSelfSignedCertificatesUnlessTheyAreGiven) {
    const Issued alone = issue(folder, Wish(), nullptr);
    const Failure failure = expect_failure(server_context(alone));
    EXPECT_FAULT(failure, tls, certificate);
    EXPECT_TRUE(says(failure, "self-signed")) << failure.what;
    options.ca_file = alone.certificate_file;
    tls.reset();
    expect_answer(server_context(alone));
}

TEST_F(Tls, TrustsTheSystemsRootsAloneWhereNoFileIsGiven) {
    options.ca_file.clear();
    const Failure failure = expect_failure(server_context(good()));
    EXPECT_FAULT(failure, tls, certificate);
}

TEST_F(Tls, AsksNothingWhereItIsInsecure) {
    options.ca_file.clear();
    options.insecure = true;
    Wish wish;
    wish.until = -1800;
    wish.alternatives = "DNS:other.test";
    expect_answer(server_context(issue(folder, wish, nullptr)));
}

TEST_F(Tls, RefusesOldProtocols) {
    const ServerContext context = server_context(good());
    ::SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
    ::SSL_CTX_set_max_proto_version(context.get(), TLS1_1_VERSION);
    ::SSL_CTX_set_cipher_list(context.get(), "DEFAULT@SECLEVEL=0");
    const Failure failure = expect_failure(context);
    EXPECT_FAULT(failure, tls, tls);
    EXPECT_TRUE(says(failure, "no TLS 1.2")) << failure.what;
}

TEST_F(Tls, SpeaksTls12) {
    const ServerContext context = server_context(good());
    ::SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
    expect_answer(context);
}

TEST_F(Tls, TellsPlainHttpOnThePort) {
    RawServer server([](RawPeer& peer) {
        char bytes[64];
        peer.read(bytes, sizeof bytes);
        peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
        peer.cut();
        peer.drain();
    });
    Client client = client_of(server);
    const Failure failure = failure_of(get_text(client));
    EXPECT_FAULT(failure, tls, protocol);
    EXPECT_TRUE(says(failure, "does not speak TLS")) << failure.what;
}

TEST_F(Tls, TellsTlsOnAPlainPort) {
    RawServer server([](RawPeer& peer) {
        peer.request();
        peer.send(std::string("\x15\x03\x01\x00\x02\x02\x46", 7)); // an alert
        peer.drain();
    });
    Client client = client_of(server);
    client.peer.tls = false;
    const Failure failure = failure_of(get_text(client));
    EXPECT_FAULT(failure, first_byte, protocol);
    EXPECT_TRUE(says(failure, "https://")) << failure.what;
}

TEST_F(Tls, EndsAHandshakeThatStalls) {
    RawServer server([](RawPeer& peer) { peer.drain(); });
    Client client = client_of(server);
    client.options.connect_timeout = milliseconds(200);
    const Failure failure = failure_of(get_text(client));
    EXPECT_FAULT(failure, tls, timed_out);
}

TEST_F(Tls, TellsAHandshakeThatBreaksOff) {
    RawServer ends([](RawPeer& peer) { peer.cut(), peer.drain(); });
    Client client = client_of(ends);
    const Failure early = failure_of(get_text(client));
    EXPECT_FAULT(early, tls, closed_early);
    RawServer breaks([](RawPeer& peer) {
        char hello = 0;
        peer.read(&hello, 1); // earlier, the client's connect would be what fails
        peer.reset();
    });
    client = client_of(breaks);
    const Failure reset = failure_of(get_text(client));
    EXPECT_FAULT(reset, tls, reset);
}

TEST_F(Tls, ShowsItsOwnCertificateWhereTheServerWantsOne) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        const ServerContext context = server_context(good());
        ::SSL_CTX_set_max_proto_version(context.get(), version);
        ::SSL_CTX_load_verify_file(context.get(), authority.certificate_file.c_str());
        ::SSL_CTX_set_verify(
            context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
        const Issued own = issue(folder, Wish(), &authority);
        options.certificate_file = own.certificate_file;
        options.key_file = own.key_file;
        tls.reset();
        expect_answer(context);

        options.certificate_file.clear();
        options.key_file.clear();
        tls.reset();
        const Failure failure = expect_failure(context);
        if (version == TLS1_3_VERSION)
            EXPECT_FAULT(failure, first_byte, certificate);
        EXPECT_TRUE(says(failure, "certificate")) << failure.what;
    }
}

TEST_F(Tls, SaysWhichFileIsNotThere) {
    const std::string missing = folder / "missing.pem";
    const Issued own = good();

    struct Files {
        std::string ca, certificate, key, option;
    };

    for (const Files& one :
         {Files{missing, "", "", "--ca-file"},
          Files{authority.certificate_file, missing, own.key_file, "--client-cert"},
          Files{authority.certificate_file, own.certificate_file, missing, "--client-key"}}) {
        options.ca_file = one.ca;
        options.certificate_file = one.certificate;
        options.key_file = one.key;
        const auto error = error_of([&] { const TlsContext made(options); });
        ASSERT_TRUE(error) << one.option;
        EXPECT_EQ(error->kind(), errc::not_found);
        EXPECT_EQ(error->what(), missing + ": No such file or directory; check " + one.option);
    }
}

TEST_F(Tls, RefusesFilesThatHoldNoCertificates) {
    const auto refused = [&] {
        const auto error = error_of([&] { const TlsContext made(options); });
        return error && error->kind() == errc::usage && !error->hint().empty();
    };
    const Issued own = good();
    const Issued other = good();
    options.ca_file = own.key_file;
    EXPECT_TRUE(refused());
    options.ca_file = authority.certificate_file;
    options.key_file = own.key_file;
    EXPECT_TRUE(refused()) << "a key alone";
    options.certificate_file = other.certificate_file;
    EXPECT_TRUE(refused()) << "another one's key";
    options.certificate_file = own.key_file;
    EXPECT_TRUE(refused());
}

} // namespace

} // namespace tz
