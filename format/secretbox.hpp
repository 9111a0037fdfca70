// One message of XSalsa20-Poly1305 with its MAC apart (libsodium's crypto_secretbox_detached), by
// the code that this CPU is fastest with. `open_piece` and `seal_piece` of seal.hpp are what the
// rest calls; here tests and benchmarks choose the code. Any thread; libsodium has been started.
#pragma once

#include <tz/format/seal.hpp>

#include <cstddef>
#include <span>

namespace tz::format::secretbox {

/// Who does the work. The results are the same.
enum class Kernel {
    libsodium,   ///< on every CPU
    avx512,      ///< AVX-512F: our cipher, OpenSSL's MAC
    avx512_ifma, ///< AVX-512F and IFMA: our cipher, our MAC
};

/// Whether this machine can run it. The others may not be asked for below.
bool available(Kernel kernel);

/// The best one for a message of this size.
Kernel fastest(std::size_t message_bytes);

/// Compares the MAC first and writes nothing unless it fits. `plain` has the size of `sealed` and
/// is the same memory or does not overlap it.
bool open(
    Kernel kernel,
    std::span<std::byte> plain,
    std::span<const std::byte> sealed,
    const Mac& mac,
    const Nonce& nonce,
    std::span<const std::byte, key_bytes> key);

/// `sealed` has the size of `plain` and is the same memory or does not overlap it.
Mac seal(
    Kernel kernel,
    std::span<std::byte> sealed,
    std::span<const std::byte> plain,
    const Nonce& nonce,
    std::span<const std::byte, key_bytes> key);

} // namespace tz::format::secretbox
