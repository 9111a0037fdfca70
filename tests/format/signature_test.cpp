// Signatures, against ones that tests/interop/manifest_reference.py computed, and keys that
// Python's cryptography wrote.
#include "support/bytes.hpp"
#include <tz/format/hash.hpp>
#include <tz/format/signature.hpp>
#include <tz/tests/support/pem_keys.hpp>

#include <gtest/gtest.h>

#include <algorithm>

namespace tz::test {
namespace {

using namespace tz::format;

constexpr const char* encrypted_pem =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MIGjMF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBAseWQuN15b3zutxw8B\n"
    "mKRaAgIIADAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQmGSmB8TPy2d0qKQJ\n"
    "ULWDQARAPALfcxSJbuipilo445GzDbRpLflgaGMKiZfb1Fjyb0TGeXje/OmBO6eO\n"
    "aI8CpYLVrGOhOmjJ2DP8Bc4MqSmVLw==\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";
constexpr const char* p256_private_pem =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgSj4a8QzYhY3yExha\n"
    "CSL8t1UW8uYRdp4bh7TlgbAcZ8uhRANCAARYwTRg06WIe1FkjQOj0vOhHNoBvAYz\n"
    "J8jA7lDFJyBSAat0lWC3oZOS+SABIvGIDfFM5UD1e0eBujTonBY+Qsb4\n"
    "-----END PRIVATE KEY-----\n";
constexpr const char* p256_public_pem =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEWME0YNOliHtRZI0Do9LzoRzaAbwG\n"
    "MyfIwO5QxScgUgGrdJVgt6GTkvkgASLxiA3xTOVA9XtHgbo06JwWPkLG+A==\n"
    "-----END PUBLIC KEY-----\n";

Secret key(unsigned first = 0) {
    return Secret(counting(32, first));
}

SigningKey signing_key(unsigned first = 0) {
    return SigningKey(key(first));
}

/// The root of example_key.tensors, subject and all as the document has it.
Sha256 root() {
    const Bytes bytes =
        from_hex("2382f145c86a88cbffd6c4f79c37909c2c38cc20ccd1f4061ac600e0ff5712e4");
    Sha256 digest;
    std::ranges::copy(bytes, digest.begin());
    return digest;
}

TEST(Signature, OfTheFileKeyIsTheOneOfTheDocument) {
    const SignatureBlock block = sign(root(), key());
    EXPECT_EQ(block.kind, SignatureKind::file_key);
    EXPECT_EQ(
        hex(block.key_id), "1196fb6d8d0cfdd6f0fedbdbbf9661d741bea924f76e7789fc64c249dd9cf205");
    EXPECT_EQ(
        hex(block.signature), "3e537d628e371b864294cad984fca73858a534295d5d171c3460e803e2ebf663");
}

TEST(Signature, OfEd25519IsTheOneOfTheDocument) {
    const SignatureBlock block = sign(root(), signing_key());
    EXPECT_EQ(block.kind, SignatureKind::ed25519);
    EXPECT_EQ(
        hex(block.key_id), "157f2da7051c1c0fc94553d276a113c79a12249bbf5c0daeeddc86cdb9012c8d");
    EXPECT_EQ(
        hex(block.signature),
        "69307fa5966f2d2a033f0bf244504f56be2bdf53e1ed4762e4151e0d0337f3c9"
        "e3cd1eadecf66a6036446b36bcf63d1f6cbf86fe95737238cb3738ad6677980c");
}

TEST(Signature, FitsItsRootAndKeyAlone) {
    const PublicKey known = signing_key().public_key();
    const SignatureBlock keyed = sign(root(), key());
    const SignatureBlock signed_block = sign(root(), signing_key());
    EXPECT_TRUE(signed_by(keyed, root(), key()));
    EXPECT_TRUE(signed_by(signed_block, root(), known));
    EXPECT_FALSE(signed_by(keyed, root(), key(1)));
    EXPECT_FALSE(signed_by(signed_block, root(), signing_key(1).public_key()));
    Sha256 other = root();
    other[31] ^= std::byte{1};
    EXPECT_FALSE(signed_by(keyed, other, key()));
    EXPECT_FALSE(signed_by(signed_block, other, known));
}

TEST(Signature, OfAFileKeyWantsOneOf32Bytes) {
    for (const std::size_t size : {0, 31, 33})
        expect_error(
            errc::usage, "a key has 32 bytes", [&] { sign(root(), Secret(counting(size))); });
}

TEST(Signature, WithAnyByteChangedDoesNotFit) {
    const PublicKey known = signing_key().public_key();
    const SignatureBlock blocks[] = {sign(root(), key()), sign(root(), signing_key())};
    for (const SignatureBlock& whole : blocks) {
        for (std::size_t i = 0; i < whole.signature.size(); ++i) {
            SignatureBlock block = whole;
            block.signature[i] ^= std::byte{0x80};
            EXPECT_FALSE(signed_by(block, root(), key())) << i;
            EXPECT_FALSE(signed_by(block, root(), known)) << i;
        }
    }
}

TEST(Signature, OfOneKindIsNoneOfTheOther) {
    SignatureBlock block = sign(root(), key());
    block.kind = SignatureKind::ed25519;
    EXPECT_FALSE(signed_by(block, root(), key()));
    EXPECT_FALSE(signed_by(block, root(), signing_key().public_key()));
}

TEST(Signature, KeysAreReadFromPem) {
    const SigningKey read = parse_signing_key(from_text(private_pem));
    const auto seed = read.seed().bytes();
    EXPECT_EQ(Bytes(seed.begin(), seed.end()), counting(32));
    const PublicKey known = parse_public_key(from_text(public_pem));
    EXPECT_EQ(hex(known.bytes), "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8");
    EXPECT_EQ(read.public_key(), known);
}

TEST(Signature, KeysAreWrittenAsPem) {
    const Secret pem = signing_key_pem(signing_key());
    EXPECT_EQ(Bytes(pem.bytes().begin(), pem.bytes().end()), from_text(private_pem));
    EXPECT_EQ(public_key_pem(signing_key().public_key()), public_pem);
}

TEST(Signature, OtherKeysAreRefused) {
    for (const char* text : {p256_private_pem, public_pem, "", "MC4CAQAw", "\n"})
        expect_error(
            errc::usage, "no Ed25519 private key", [&] { parse_signing_key(from_text(text)); });
    for (const char* text : {p256_public_pem, private_pem, "", "MC4CAQAw", "\n"})
        expect_error(
            errc::usage, "no Ed25519 public key", [&] { parse_public_key(from_text(text)); });
    expect_error(errc::usage, "is encrypted", [] { parse_signing_key(from_text(encrypted_pem)); });
    expect_error(errc::usage, "too many bytes", [] { parse_public_key(Bytes(1 << 20)); });
}

TEST(Signature, ByOneKeyTakesThePlaceOfItsEarlierOne) {
    Manifest manifest;
    Sha256 earlier = root();
    earlier[0] = std::byte{};
    add_signature(manifest, sign(earlier, signing_key()));
    add_signature(manifest, sign(root(), signing_key(1)));
    add_signature(manifest, sign(root(), key()));
    add_signature(manifest, sign(root(), signing_key()));
    ASSERT_EQ(manifest.signatures.size(), 3u);
    EXPECT_NO_THROW(parse_manifest(write_manifest(manifest))); // they are in their order
    EXPECT_TRUE(std::ranges::any_of(manifest.signatures, [](const SignatureBlock& block) {
        return signed_by(block, root(), signing_key().public_key());
    }));
}

TEST(Signature, AreNotMoreThanAManifestMayHave) {
    Manifest manifest;
    for (unsigned i = 0; i < signatures_max; ++i)
        add_signature(manifest, sign(root(), signing_key(i)));
    expect_error(errc::limit, "at most 16", [&] {
        add_signature(manifest, sign(root(), signing_key(100)));
    });
    add_signature(manifest, sign(root(), signing_key(3))); // again
}

} // namespace
} // namespace tz::test
