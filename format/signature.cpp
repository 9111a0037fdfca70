#include <tz/format/appender.hpp>
#include <tz/format/error.hpp>
#include <tz/format/hash.hpp>
#include <tz/format/signature.hpp>
#include <tz/format/sodium.hpp>

#include <algorithm>
#include <string_view>
#include <tuple>

namespace tz::format {

static_assert(sizeof(PublicKey::bytes) == crypto_sign_ed25519_PUBLICKEYBYTES);
static_assert(key_bytes == crypto_kdf_KEYBYTES && key_bytes == crypto_sign_ed25519_SEEDBYTES);

namespace {

// libsodium's context of subkeys has 8 bytes.
constexpr char kdf_context[] = "tzmanif1";
static_assert(sizeof kdf_context == crypto_kdf_CONTEXTBYTES + 1);
constexpr std::uint64_t signing_subkey = 1;
constexpr std::uint64_t naming_subkey = 2;

constexpr std::string_view signature_domain = "tzmanif1 signature";
constexpr std::string_view key_domain = "tzmanif1 key";

/// Bytes that are wiped however the scope ends.
template <std::size_t Size>
struct Wiped {
    std::array<std::byte, Size> bytes{};

    ~Wiped() { wipe(bytes); }
};

/// Keyed BLAKE2b-256 of `message` with a subkey of the file's key.
Sha256 keyed_hash(
    const Secret& file_key, std::uint64_t subkey_number, std::span<const std::byte> message) {
    start_sodium();
    if (file_key.bytes().size() != key_bytes)
        throw Error(errc::usage, "a key has 32 bytes", {}, "derive it from the password first");
    Wiped<crypto_generichash_KEYBYTES> subkey;
    crypto_kdf_derive_from_key(
        raw(subkey.bytes.data()),
        subkey.bytes.size(),
        subkey_number,
        kdf_context,
        raw(file_key.bytes().data()));
    Sha256 hash;
    crypto_generichash(
        raw(hash.data()),
        hash.size(),
        raw(message.data()),
        message.size(),
        raw(subkey.bytes.data()),
        subkey.bytes.size());
    return hash;
}

/// What is signed of a root.
std::vector<std::byte> message_of(SignatureKind kind, const Sha256& root) {
    Appender out;
    out.reserve(signature_domain.size() + 2 + root.size());
    out.text(signature_domain);
    out.integer<std::uint16_t>(static_cast<std::uint16_t>(kind));
    out.bytes(root);
    return out.finish();
}

using SecretKey = Wiped<crypto_sign_ed25519_SECRETKEYBYTES>;

PublicKey expand(const SigningKey& key, SecretKey& secret) {
    start_sodium();
    PublicKey known;
    crypto_sign_ed25519_seed_keypair(
        raw(known.bytes.data()), raw(secret.bytes.data()), raw(key.seed().bytes().data()));
    return known;
}

} // namespace

PublicKey SigningKey::public_key() const {
    SecretKey secret;
    return expand(*this, secret);
}

Sha256 key_id_of(const Secret& file_key) {
    return keyed_hash(file_key, naming_subkey, std::as_bytes(std::span(key_domain)));
}

Sha256 key_id_of(const PublicKey& key) {
    Appender out;
    out.text(key_domain);
    out.bytes(key.bytes);
    return sha256(out.finish());
}

SignatureBlock sign(const Sha256& root, const Secret& file_key) {
    SignatureBlock block;
    block.kind = SignatureKind::file_key;
    block.key_id = key_id_of(file_key);
    const Sha256 mac = keyed_hash(file_key, signing_subkey, message_of(block.kind, root));
    block.signature.assign(mac.begin(), mac.end());
    return block;
}

SignatureBlock sign(const Sha256& root, const SigningKey& key) {
    SignatureBlock block;
    block.kind = SignatureKind::ed25519;
    SecretKey secret;
    block.key_id = key_id_of(expand(key, secret));
    block.signature.resize(crypto_sign_ed25519_BYTES);
    const auto message = message_of(block.kind, root);
    crypto_sign_ed25519_detached(
        raw(block.signature.data()),
        nullptr,
        raw(message.data()),
        message.size(),
        raw(secret.bytes.data()));
    return block;
}

bool signed_by(const SignatureBlock& block, const Sha256& root, const Secret& file_key) {
    const Sha256 mac = keyed_hash(file_key, signing_subkey, message_of(block.kind, root));
    return block.kind == SignatureKind::file_key && block.signature.size() == mac.size() &&
           sodium_memcmp(block.signature.data(), mac.data(), mac.size()) == 0;
}

bool signed_by(const SignatureBlock& block, const Sha256& root, const PublicKey& key) {
    start_sodium();
    const auto message = message_of(block.kind, root);
    return block.kind == SignatureKind::ed25519 &&
           block.signature.size() == crypto_sign_ed25519_BYTES &&
           crypto_sign_ed25519_verify_detached(
               raw(block.signature.data()),
               raw(message.data()),
               message.size(),
               raw(key.bytes.data())) == 0;
}

void add_signature(Manifest& manifest, SignatureBlock block) {
    auto& all = manifest.signatures;
    const auto order = [](const SignatureBlock& one) { return std::tie(one.kind, one.key_id); };
    std::erase_if(all, [&](const SignatureBlock& one) { return order(one) == order(block); });
    if (all.size() == signatures_max)
        throw Error(
            errc::limit,
            "a manifest has at most " + std::to_string(signatures_max) + " signatures",
            {},
            "make it anew, which drops those that it has");
    const auto place = std::ranges::find_if(
        all, [&](const SignatureBlock& one) { return order(block) < order(one); });
    all.insert(place, std::move(block));
}

} // namespace tz::format
