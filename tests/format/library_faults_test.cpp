// Calls of OpenSSL and libsodium that fail: each ends with an error, and never with a hash, key or
// text that is none.
#include "support/bytes.hpp"
#include "support/failing_calls.hpp"
#include "support/model_signing.hpp"
#include <tz/format/checksum.hpp>
#include <tz/format/dsse.hpp>
#include <tz/format/hash.hpp>
#include <tz/format/seal.hpp>
#include <tz/format/secretbox.hpp>
#include <tz/format/signature.hpp>

#include <gtest/gtest.h>

#include <new>

namespace tz::format {
namespace {

using namespace tz::test;

SigningKey some_signing_key() {
    return SigningKey{Secret(counting(32))};
}

TEST(LibraryFaults, WithoutMemoryNoSignatureIsRead) {
    const Bytes bundle = data("model-p256.sig");
    const Bytes public_key = data("p256.pub");
    const Envelope envelope = parse_bundle(bundle);
    for (const char* const function : {"BIO_new_mem_buf", "BIO_new"}) {
        const FailingCall fault(function);
        EXPECT_THROW(check_envelope(envelope, public_key), std::bad_alloc) << function;
    }
}

TEST(LibraryFaults, WithoutMemoryNoKeyIsReadOrWrittenAsPem) {
    const SigningKey key = some_signing_key();
    const std::string text = public_key_pem(key.public_key());
    {
        const FailingCall fault("BIO_new_mem_buf");
        EXPECT_THROW(parse_public_key(from_text(text)), std::bad_alloc);
    }
    const FailingCall fault("BIO_new");
    EXPECT_THROW(signing_key_pem(key), std::bad_alloc);
    EXPECT_THROW(public_key_pem(key.public_key()), std::bad_alloc);
}

TEST(LibraryFaults, WithoutMemoryNoHashIsBegun) {
    const FailingCall fault("EVP_MD_CTX_new");
    expect_error(errc::limit, "no memory for a SHA-256", [] {
        Sha256Stream(Sha256Kernel::openssl).update(counting(64));
    });
    for (const ChecksumKind kind : {ChecksumKind::sha1, ChecksumKind::md5})
        EXPECT_THROW(ChecksumStream{kind}, std::bad_alloc) << name_of(kind);
}

TEST(LibraryFaults, AHashThatFailsIsNoHash) {
    const FailingCall fault("EVP_DigestUpdate");
    expect_error(errc::limit, "failed to compute a SHA-256", [] {
        Sha256Stream stream(Sha256Kernel::openssl);
        stream.update(counting(64));
    });
    expect_error(
        errc::unsupported, "no SHA-1 here", [] { ChecksumStream(ChecksumKind::sha1).update({}); });
}

TEST(LibraryFaults, ADigestThatIsNotAllowedIsNamed) {
    const FailingCall fault("EVP_DigestInit_ex");
    expect_error(
        errc::unsupported, "OpenSSL has no MD5 here", [] { ChecksumStream{ChecksumKind::md5}; });
}

TEST(LibraryFaults, AMacThatFailsOpensNothing) {
    using secretbox::Kernel;
    if (!secretbox::available(Kernel::avx512))
        GTEST_SKIP() << "this machine has its MACs from libsodium";
    const FailingCall fault("EVP_MAC_init");
    const auto key = counting_array<key_bytes>();
    Bytes bytes = counting(1000);
    expect_error(errc::limit, "failed to compute a Poly1305", [&] {
        secretbox::open(Kernel::avx512, bytes, bytes, Mac{}, Nonce{}, key);
    });
    EXPECT_EQ(bytes, counting(1000));
}

TEST(LibraryFaults, WithoutMemoryNoSecretIsKept) {
    const FailingCall fault("sodium_malloc");
    expect_error(errc::limit, "no memory for a secret", [] { Secret(counting(32)); });
}

TEST(LibraryFaults, WithoutMemoryNoKeyIsDerived) {
    const Secret password(from_text("pw"));
    const FailingCall fault("crypto_pwhash");
    expect_error(errc::limit, "no 8192 bytes of memory", [&] {
        derive_key(password, {1, 8192, counting_array<16>()});
    });
}

} // namespace
} // namespace tz::format
