// Ed25519 keys as PEM, by OpenSSL.
#include <tz/format/error.hpp>
#include <tz/format/signature.hpp>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <array>
#include <memory>

namespace tz::format {

namespace {

// PEM of an Ed25519 key has some 120 bytes; comments may stand before it.
constexpr std::size_t pem_bytes_max = 64 << 10;

struct Free {
    void operator()(BIO* bio) const { BIO_free_all(bio); }

    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};

using Bio = std::unique_ptr<BIO, Free>;
using Key = std::unique_ptr<EVP_PKEY, Free>;

Bio reading(std::span<const std::byte> pem) {
    if (pem.size() > pem_bytes_max)
        throw Error(errc::usage, "this has too many bytes for a key in PEM");
    // no address is no text to OpenSSL
    const void* text = pem.empty() ? static_cast<const void*>("") : pem.data();
    Bio bio(BIO_new_mem_buf(text, static_cast<int>(pem.size())));
    if (!bio)
        throw std::bad_alloc();
    return bio;
}

/// Nobody is asked for a passphrase.
int no_passphrase(char*, int, int, void* was_asked) {
    *static_cast<bool*>(was_asked) = true;
    return -1;
}

bool is_ed25519(const Key& key) {
    return key && EVP_PKEY_get_id(key.get()) == EVP_PKEY_ED25519;
}

} // namespace

SigningKey parse_signing_key(std::span<const std::byte> pem) {
    const Bio bio = reading(pem);
    bool encrypted = false;
    const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, &encrypted));
    ERR_clear_error();
    if (encrypted)
        throw Error(
            errc::usage,
            "the private key is encrypted",
            {},
            "decrypt it with `openssl pkey` for the time of signing");
    std::array<std::byte, key_bytes> seed;
    std::size_t size = seed.size();
    if (!is_ed25519(key) ||
        EVP_PKEY_get_raw_private_key(
            key.get(), reinterpret_cast<unsigned char*>(seed.data()), &size) != 1 ||
        size != seed.size())
        throw Error(
            errc::usage,
            "this is no Ed25519 private key in PEM",
            {},
            "make one with `openssl genpkey -algorithm ed25519`");
    SigningKey result{Secret(seed)};
    wipe(seed);
    return result;
}

PublicKey parse_public_key(std::span<const std::byte> pem) {
    const Bio bio = reading(pem);
    bool encrypted = false;
    const Key key(PEM_read_bio_PUBKEY(bio.get(), nullptr, no_passphrase, &encrypted));
    ERR_clear_error();
    PublicKey result;
    std::size_t size = result.bytes.size();
    if (!is_ed25519(key) ||
        EVP_PKEY_get_raw_public_key(
            key.get(), reinterpret_cast<unsigned char*>(result.bytes.data()), &size) != 1 ||
        size != result.bytes.size())
        throw Error(
            errc::usage,
            "this is no Ed25519 public key in PEM",
            {},
            "get it from the private key with `openssl pkey -pubout`");
    return result;
}

Secret signing_key_pem(const SigningKey& key) {
    const Key whole(EVP_PKEY_new_raw_private_key(
        EVP_PKEY_ED25519,
        nullptr,
        reinterpret_cast<const unsigned char*>(key.seed().bytes().data()),
        key.seed().bytes().size()));
    const Bio bio(BIO_new(BIO_s_secmem())); // wiped when freed
    if (!whole || !bio ||
        PEM_write_bio_PKCS8PrivateKey(
            bio.get(), whole.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
        throw std::bad_alloc();
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &text);
    return Secret(std::as_bytes(std::span(text, static_cast<std::size_t>(size))));
}

std::string public_key_pem(const PublicKey& key) {
    const Key whole(EVP_PKEY_new_raw_public_key(
        EVP_PKEY_ED25519,
        nullptr,
        reinterpret_cast<const unsigned char*>(key.bytes.data()),
        key.bytes.size()));
    const Bio bio(BIO_new(BIO_s_mem()));
    if (!whole || !bio || PEM_write_bio_PUBKEY(bio.get(), whole.get()) != 1)
        throw std::bad_alloc();
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

} // namespace tz::format
