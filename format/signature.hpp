// Signatures of a manifest's root: by the key that a file is encrypted with, and Ed25519. Keys of
// the latter come as PEM, as `openssl genpkey -algorithm ed25519` writes them. Thread-safe.
#pragma once

#include <tz/format/manifest.hpp>
#include <tz/format/seal.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <string>

namespace tz::format {

/// An Ed25519 key that everybody may know.
struct PublicKey {
    std::array<std::byte, 32> bytes{};

    bool operator==(const PublicKey&) const = default;
};

/// An Ed25519 key that signs: the 32 bytes of its seed.
class SigningKey {
public:
    explicit SigningKey(Secret seed) : seed_(std::move(seed)) {}

    const Secret& seed() const { return seed_; }

    PublicKey public_key() const;

private:
    Secret seed_;
};

/// A PKCS#8 private key, not encrypted. Throws `tz::Error` (errc::usage), which quotes nothing.
SigningKey parse_signing_key(std::span<const std::byte> pem);

/// An SPKI public key. Throws `tz::Error` (errc::usage).
PublicKey parse_public_key(std::span<const std::byte> pem);

/// The same, written.
Secret signing_key_pem(const SigningKey& key);
std::string public_key_pem(const PublicKey& key);

/// What a block calls the key. It does not tell an encryption key.
Sha256 key_id_of(const Secret& file_key);
Sha256 key_id_of(const PublicKey& key);

SignatureBlock sign(const Sha256& root, const Secret& file_key);
SignatureBlock sign(const Sha256& root, const SigningKey& key);

/// Whether the block, which has the right kind, is this key's of this root.
bool signed_by(const SignatureBlock& block, const Sha256& root, const Secret& file_key);
bool signed_by(const SignatureBlock& block, const Sha256& root, const PublicKey& key);

/// Puts `block` into its place among the manifest's, instead of one by the same key.
void add_signature(Manifest& manifest, SignatureBlock block);

} // namespace tz::format
