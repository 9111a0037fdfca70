#include <tz/format/error.hpp>
#include <tz/format/registers.hpp>
#include <tz/format/seal.hpp>
#include <tz/format/secretbox.hpp>
#include <tz/format/sodium.hpp>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>

namespace tz::format {

static_assert(std::tuple_size_v<Nonce> == crypto_secretbox_NONCEBYTES);
static_assert(std::tuple_size_v<Mac> == crypto_secretbox_MACBYTES);
static_assert(key_bytes == crypto_secretbox_KEYBYTES);
static_assert(sizeof(KeyDerivation::salt) == crypto_pwhash_SALTBYTES);

void start_sodium() {
    static const int state = sodium_init(); // once, however many threads come here
    if (state < 0)
        throw Error(errc::unsupported, "libsodium does not start on this machine");
}

namespace {

// libsodium's Argon2 leaves the key on the stack; none of its frames lies deeper.
constexpr std::size_t derivation_stack_bytes = 16 << 10;

std::span<const std::byte, key_bytes> whole_key(const Secret& key) {
    if (key.bytes().size() != key_bytes)
        throw Error(
            errc::usage,
            "a key has 32 bytes, this one has " + std::to_string(key.bytes().size()),
            {},
            "give a key, or derive it from the password first");
    return key.bytes().first<key_bytes>();
}

std::string_view without_line_end(std::string_view text) {
    if (text.ends_with('\n'))
        text.remove_suffix(1);
    if (text.ends_with('\r'))
        text.remove_suffix(1);
    return text;
}

[[noreturn]] void too_costly(const std::string& what, const std::string& hint) {
    throw Error(
        errc::limit,
        "the password's key takes " + what,
        {},
        hint + ", or give the derived key in place of the password");
}

} // namespace

Secret::Secret(std::size_t size) : size_(size) {
    start_sodium();
    data_.reset(static_cast<std::byte*>(sodium_malloc(size)));
    if (!data_)
        throw Error(errc::limit, "no memory for a secret", {}, "raise the limit on locked memory");
}

Secret::Secret(std::span<const std::byte> bytes) : Secret(bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), data_.get());
    wipe_vector_registers();
}

void Secret::Free::operator()(std::byte* data) const noexcept {
    sodium_free(data);
}

Secret parse_key(std::span<const std::byte> text) {
    const VectorRegistersWiped wiped;
    if (text.size() == key_bytes)
        return Secret(text);
    const std::string_view digits =
        without_line_end({reinterpret_cast<const char*>(text.data()), text.size()});
    if (digits.size() == 2 * key_bytes) {
        std::array<std::byte, key_bytes> key;
        std::size_t length = 0;
        const int result = sodium_hex2bin(
            raw(key.data()), key.size(), digits.data(), digits.size(), nullptr, &length, nullptr);
        if (result == 0 && length == key_bytes) {
            Secret secret(key);
            wipe(key);
            return secret;
        }
        wipe(key);
    }
    throw Error(errc::usage, "a key is 32 bytes or 64 hex digits", {}, "make one with `tz keygen`");
}

void check_derivation(
    const KeyDerivation& derivation,
    std::uint64_t memory_available,
    const DerivationLimits& limits) {
    if (derivation.passes > limits.passes)
        too_costly(
            std::to_string(derivation.passes) + " passes, the limit is " +
                std::to_string(limits.passes),
            "if you trust the file, raise it (--kdf-max-passes)");
    const std::string memory = std::to_string(derivation.memory_bytes) + " bytes of memory, ";
    if (derivation.memory_bytes > limits.memory_bytes)
        too_costly(
            memory + "the limit is " + std::to_string(limits.memory_bytes),
            "if you trust the file, raise it (--kdf-max-memory)");
    if (derivation.memory_bytes > memory_available / 2)
        too_costly(
            memory + "more than half of the " + std::to_string(memory_available) + " available",
            "free some memory");
}

Secret derive_key(const Secret& password, const KeyDerivation& derivation) {
    if (password.bytes().empty())
        throw Error(errc::usage, "the password is empty");
    if (derivation.passes < crypto_pwhash_argon2id_OPSLIMIT_MIN ||
        derivation.passes > crypto_pwhash_argon2id_OPSLIMIT_MAX ||
        derivation.memory_bytes < crypto_pwhash_argon2id_MEMLIMIT_MIN ||
        derivation.memory_bytes > crypto_pwhash_argon2id_MEMLIMIT_MAX)
        throw Error(errc::usage, "the cost of the password's key is out of Argon2id's range");
    Secret key(key_bytes);
    const int result = crypto_pwhash(
        raw(key.data_.get()),
        key_bytes,
        reinterpret_cast<const char*>(password.bytes().data()),
        password.bytes().size(),
        raw(derivation.salt.data()),
        derivation.passes,
        derivation.memory_bytes,
        crypto_pwhash_ALG_ARGON2ID13);
    sodium_stackzero(derivation_stack_bytes);
    wipe_vector_registers();
    if (result != 0)
        throw Error(
            errc::limit,
            "no " + std::to_string(derivation.memory_bytes) +
                " bytes of memory to derive the password's key",
            {},
            "free some memory, or give the derived key in place of the password");
    return key;
}

Nonce piece_nonce(const Nonce& first, std::uint64_t index) {
    Nonce nonce = first;
    unsigned carry = 0;
    for (std::byte& digit : nonce) {
        const unsigned sum = std::to_integer<unsigned>(digit) + (index & 0xff) + carry;
        digit = static_cast<std::byte>(sum);
        carry = sum >> 8;
        index >>= 8;
    }
    return nonce;
}

PieceKey piece_key(const Nonce& nonce, const Secret& key) {
    const VectorRegistersWiped wiped;
    PieceKey result;
    crypto_core_hsalsa20(
        raw(result.key.data()), raw(nonce.data()), raw(whole_key(key).data()), nullptr);
    std::copy(nonce.end() - result.nonce.size(), nonce.end(), result.nonce.begin());
    return result;
}

bool open_piece(
    std::span<std::byte> plain,
    std::span<const std::byte> sealed,
    const Mac& mac,
    const Nonce& nonce,
    const Secret& key) {
    start_sodium();
    const VectorRegistersWiped wiped;
    return secretbox::open(
        secretbox::fastest(sealed.size()), plain, sealed, mac, nonce, whole_key(key));
}

Mac seal_piece(
    std::span<std::byte> sealed,
    std::span<const std::byte> plain,
    const Nonce& nonce,
    const Secret& key) {
    start_sodium();
    const VectorRegistersWiped wiped;
    return secretbox::seal(secretbox::fastest(plain.size()), sealed, plain, nonce, whole_key(key));
}

void wipe(std::span<std::byte> memory) noexcept {
    sodium_memzero(memory.data(), memory.size());
}

Nonce random_nonce() {
    start_sodium();
    Nonce nonce;
    randombytes_buf(nonce.data(), nonce.size());
    return nonce;
}

KeyDerivation random_derivation(std::uint64_t passes, std::uint64_t memory_bytes) {
    start_sodium();
    KeyDerivation derivation{passes, memory_bytes, {}};
    randombytes_buf(derivation.salt.data(), derivation.salt.size());
    return derivation;
}

Secret random_key() {
    std::array<std::byte, key_bytes> key;
    start_sodium();
    randombytes_buf(key.data(), key.size());
    Secret secret(key);
    wipe(key);
    return secret;
}

} // namespace tz::format
