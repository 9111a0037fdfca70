#include <tz/format/error.hpp>
#include <tz/format/poly1305_ifma.hpp>
#include <tz/format/registers.hpp>
#include <tz/format/salsa20_avx512.hpp>
#include <tz/format/secretbox.hpp>
#include <tz/format/sodium.hpp>

#include <openssl/evp.h>

#include <algorithm>
#include <cassert>
#include <memory>

namespace tz::format::secretbox {

namespace {

// Shorter messages gain little, and files hardly have any.
constexpr std::size_t kernel_bytes_min = 512;

// More than the frames of a kernel and what it calls take: 5 KiB at -O1 by g++ 12. Unoptimised,
// every vector between two instructions has its own place on the stack (clang 19: 115 KiB).
#if defined(__OPTIMIZE__)
constexpr std::size_t kernel_stack_bytes = 8 << 10;
#else
constexpr std::size_t kernel_stack_bytes = 128 << 10;
#endif

/// What key and nonce make: the key of the stream, and the stream's first block. Half of that is
/// the MAC's key, the other half is for the first 32 bytes of the message.
///
/// At its end it wipes itself, the vector registers and the stack that the kernels used. Out of
/// reach are general registers, which hold limbs of the MAC's key until their next use, and copies
/// that the system makes: of registers when it switches threads, and of the stack when a signal
/// comes.
class MessageKeys {
public:
    MessageKeys(const Nonce& nonce, std::span<const std::byte, key_bytes> key) : nonce_(nonce) {
        crypto_core_hsalsa20(raw(stream_key_), raw(nonce.data()), raw(key.data()), nullptr);
        crypto_stream_salsa20(
            raw(first_block_), sizeof(first_block_), raw(stream_nonce().data()), raw(stream_key_));
    }

    // inlined, so that the stack below is the caller's, where the kernels ran
    __attribute__((always_inline)) ~MessageKeys() {
        wipe(stream_key_);
        wipe(first_block_);
        wipe_vector_registers();
        sodium_stackzero(kernel_stack_bytes);
    }

    MessageKeys(const MessageKeys&) = delete;
    MessageKeys& operator=(const MessageKeys&) = delete;

    std::span<const std::byte, 32> mac_key() const { return std::span(first_block_).first<32>(); }

    std::span<const std::byte, 32> head() const { return std::span(first_block_).last<32>(); }

    std::span<const std::byte, 32> stream_key() const { return stream_key_; }

    std::span<const std::byte, 8> stream_nonce() const { return std::span(nonce_).last<8>(); }

private:
    const Nonce& nonce_;
    std::byte stream_key_[32];
    std::byte first_block_[64];
};

// Looking an algorithm up takes locks and microseconds, so it's done once a process.
EVP_MAC* openssl_poly1305() {
    static EVP_MAC* const algorithm = EVP_MAC_fetch(nullptr, "POLY1305", nullptr);
    return algorithm;
}

struct FreeContext {
    void operator()(EVP_MAC_CTX* context) const noexcept { EVP_MAC_CTX_free(context); }
};

Mac authenticate_by_openssl(
    std::span<const std::byte> message, std::span<const std::byte, 32> key) {
    const std::unique_ptr<EVP_MAC_CTX, FreeContext> context(EVP_MAC_CTX_new(openssl_poly1305()));
    Mac mac;
    std::size_t size = 0;
    if (!context || EVP_MAC_init(context.get(), raw(key.data()), key.size(), nullptr) != 1 ||
        EVP_MAC_update(context.get(), raw(message.data()), message.size()) != 1 ||
        EVP_MAC_final(context.get(), raw(mac.data()), &size, mac.size()) != 1)
        throw Error(errc::limit, "OpenSSL failed to compute a Poly1305");
    return mac;
}

Mac authenticate(Kernel kernel, std::span<const std::byte> sealed, const MessageKeys& keys) {
    return kernel == Kernel::avx512_ifma ? poly1305_ifma::authenticate(sealed, keys.mac_key())
                                         : authenticate_by_openssl(sealed, keys.mac_key());
}

void xor_message(std::span<std::byte> out, std::span<const std::byte> in, const MessageKeys& keys) {
    const std::size_t head = std::min(in.size(), keys.head().size());
    for (std::size_t i = 0; i < head; ++i)
        out[i] = in[i] ^ keys.head()[i];
    salsa20_avx512::xor_stream(
        out.subspan(head), in.subspan(head), keys.stream_key(), keys.stream_nonce(), 1);
}

bool open_by_libsodium(
    std::span<std::byte> plain,
    std::span<const std::byte> sealed,
    const Mac& mac,
    const Nonce& nonce,
    std::span<const std::byte, key_bytes> key) {
    const std::byte none{}; // libsodium wants an address even for no bytes
    return crypto_secretbox_open_detached(
               raw(plain.data()),
               raw(sealed.empty() ? &none : sealed.data()),
               raw(mac.data()),
               sealed.size(),
               raw(nonce.data()),
               raw(key.data())) == 0;
}

Mac seal_by_libsodium(
    std::span<std::byte> sealed,
    std::span<const std::byte> plain,
    const Nonce& nonce,
    std::span<const std::byte, key_bytes> key) {
    Mac mac;
    std::byte none{}; // libsodium wants an address even for no bytes
    crypto_secretbox_detached(
        raw(sealed.empty() ? &none : sealed.data()),
        raw(mac.data()),
        raw(plain.data()),
        plain.size(),
        raw(nonce.data()),
        raw(key.data()));
    return mac;
}

} // namespace

bool available(Kernel kernel) {
    switch (kernel) {
    case Kernel::libsodium:
        return true;
    case Kernel::avx512:
        return salsa20_avx512::available() && openssl_poly1305() != nullptr;
    case Kernel::avx512_ifma:
        return salsa20_avx512::available() && poly1305_ifma::available();
    }
    return false;
}

Kernel fastest(std::size_t message_bytes) {
    if (message_bytes < kernel_bytes_min)
        return Kernel::libsodium;
    for (const Kernel kernel : {Kernel::avx512_ifma, Kernel::avx512})
        if (available(kernel))
            return kernel;
    return Kernel::libsodium;
}

bool open(
    Kernel kernel,
    std::span<std::byte> plain,
    std::span<const std::byte> sealed,
    const Mac& mac,
    const Nonce& nonce,
    std::span<const std::byte, key_bytes> key) {
    assert(available(kernel) && plain.size() == sealed.size());
    if (kernel == Kernel::libsodium)
        return open_by_libsodium(plain, sealed, mac, nonce, key);
    const MessageKeys keys(nonce, key);
    const Mac computed = authenticate(kernel, sealed, keys);
    if (sodium_memcmp(computed.data(), mac.data(), mac.size()) != 0)
        return false;
    xor_message(plain, sealed, keys);
    return true;
}

Mac seal(
    Kernel kernel,
    std::span<std::byte> sealed,
    std::span<const std::byte> plain,
    const Nonce& nonce,
    std::span<const std::byte, key_bytes> key) {
    assert(available(kernel) && sealed.size() == plain.size());
    if (kernel == Kernel::libsodium)
        return seal_by_libsodium(sealed, plain, nonce, key);
    const MessageKeys keys(nonce, key);
    xor_message(sealed, plain, keys);
    return authenticate(kernel, sealed, keys);
}

} // namespace tz::format::secretbox
