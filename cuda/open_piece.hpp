// Opens a piece of XSalsa20-Poly1305 by many threads, in steps between which they wait for each
// other. The same code runs on devices and on the host.
//
// A thread takes every `threads`-th group of 64 bytes, so that neighbours read neighbouring memory.
// Poly1305 is a polynomial in `r`: each thread sums its own groups by powers of r^(4 * threads),
// and its sum counts times the power of r that stands behind its last group.
#pragma once

#include <tz/cuda/both.hpp>
#include <tz/cuda/poly1305.hpp>
#include <tz/cuda/salsa20.hpp>

#include <cstddef>
#include <cstdint>

namespace tz::cuda {

/// A piece that lies on a device, and what opens it there.
struct PieceOrder {
    std::byte* data;        ///< ciphertext, and the plaintext then
    std::uint64_t bytes;    ///< not 0
    std::uint32_t key[8];   ///< of Salsa20
    std::uint32_t nonce[2]; ///< likewise
    std::uint32_t mac[4];   ///< that must come out
};

inline constexpr std::uint32_t group_bytes = 64;

/// What the threads of a piece share.
struct PieceShared {
    Residue r;
    std::uint32_t pad[4];
    bool fits;
};

/// Four bytes, little-endian, wherever they stand.
TZ_BOTH inline std::uint32_t word_at(const std::byte* data) {
    if (reinterpret_cast<std::uintptr_t>(data) % 4 == 0)
        return *reinterpret_cast<const std::uint32_t*>(data);
    std::uint32_t word = 0;
    for (int i = 0; i < 4; ++i)
        word |= static_cast<std::uint32_t>(data[i]) << (8 * i);
    return word;
}

TZ_BOTH inline Residue block_at(const std::byte* data) {
    const std::uint32_t word[4] = {
        word_at(data), word_at(data + 4), word_at(data + 8), word_at(data + 12)};
    return residue(word, 1);
}

/// Step 1, one thread: Poly1305's key, which is the start of the key stream.
TZ_BOTH inline void begin_piece(const PieceOrder& order, PieceShared& shared) {
    std::uint32_t block[16];
    salsa20(order.key, order.nonce, 0, block);
    const std::uint32_t factor[4] = {block[0], block[1], block[2], block[3]};
    shared.r = clamped(factor);
    for (int i = 0; i < 4; ++i)
        shared.pad[i] = block[4 + i];
}

/// Step 2, each thread: its share in the polynomial of the whole groups.
TZ_BOTH inline Residue share_of(
    const PieceOrder& order,
    const PieceShared& shared,
    std::uint32_t thread,
    std::uint32_t threads) {
    const std::uint64_t groups = order.bytes / group_bytes;
    Residue sum{};
    if (thread >= groups)
        return sum;
    const Residue r1 = shared.r;
    const Residue r2 = r1 * r1;
    const Residue r3 = r2 * r1;
    const Residue r4 = r2 * r2;
    const Residue stride = power(r4, threads);
    std::uint64_t last = thread;
    for (std::uint64_t group = thread; group < groups; group += threads) {
        const std::byte* data = order.data + group * group_bytes;
        sum = sum * stride + block_at(data) * r4 + block_at(data + 16) * r3 +
              block_at(data + 32) * r2 + block_at(data + 48) * r1;
        last = group;
    }
    return sum * power(r4, static_cast<std::uint32_t>(groups - 1 - last));
}

/// Step 3, one thread: the bytes behind the last whole group, and whether the MAC fits.
TZ_BOTH inline void end_mac(const PieceOrder& order, PieceShared& shared, Residue sum) {
    std::uint64_t at = order.bytes / group_bytes * group_bytes;
    for (; at + 16 <= order.bytes; at += 16)
        sum = (sum + block_at(order.data + at)) * shared.r;
    if (at < order.bytes) {
        std::uint32_t word[4] = {};
        const auto left = static_cast<std::uint32_t>(order.bytes - at);
        for (std::uint32_t i = 0; i < left; ++i)
            word[i / 4] |= static_cast<std::uint32_t>(order.data[at + i]) << (8 * (i % 4));
        word[left / 4] |= 1u << (8 * (left % 4));
        sum = (sum + residue(word, 0)) * shared.r;
    }
    std::uint32_t tag[4];
    tag_of(sum, shared.pad, tag);
    std::uint32_t differs = 0;
    for (int i = 0; i < 4; ++i)
        differs |= tag[i] ^ order.mac[i];
    shared.fits = differs == 0;
}

/// `count` bytes at `data` changed by the key stream from `stream` on.
TZ_BOTH inline void change(std::byte* data, const std::uint32_t* stream, std::uint32_t count) {
    if (reinterpret_cast<std::uintptr_t>(data) % 4 == 0 && count % 4 == 0) {
        for (std::uint32_t i = 0; i < count / 4; ++i)
            reinterpret_cast<std::uint32_t*>(data)[i] ^= stream[i];
        return;
    }
    for (std::uint32_t i = 0; i < count; ++i)
        data[i] = static_cast<std::byte>(
            static_cast<std::uint32_t>(data[i]) ^ (stream[i / 4] >> (8 * (i % 4))));
}

/// Step 4, each thread: decrypts its blocks of the key stream, the first of which has 32 bytes for
/// the data; or wipes them where the MAC does not fit.
TZ_BOTH inline void end_piece(
    const PieceOrder& order,
    const PieceShared& shared,
    std::uint32_t thread,
    std::uint32_t threads) {
    constexpr std::uint64_t key_part = 32; // of the stream's first block
    const std::uint64_t stream_bytes = order.bytes + key_part;
    for (std::uint64_t at = std::uint64_t{thread} * group_bytes; at < stream_bytes;
         at += std::uint64_t{threads} * group_bytes) {
        const std::uint64_t skipped = at == 0 ? key_part : 0;
        const std::uint64_t end = at + group_bytes < stream_bytes ? at + group_bytes : stream_bytes;
        std::byte* data = order.data + (at + skipped - key_part);
        const auto count = static_cast<std::uint32_t>(end - at - skipped);
        std::uint32_t block[16];
        salsa20(order.key, order.nonce, at / group_bytes, block);
        if (shared.fits) {
            change(data, block + skipped / 4, count);
            continue;
        }
        for (std::uint32_t i = 0; i < count; ++i)
            data[i] = std::byte{0};
    }
}

/// All steps by one thread of the host, as if there were `threads`. Whether the MAC fits.
inline bool open_on_host(const PieceOrder& order, std::uint32_t threads) {
    PieceShared shared{};
    begin_piece(order, shared);
    Residue sum{};
    for (std::uint32_t thread = 0; thread < threads; ++thread)
        sum = sum + share_of(order, shared, thread, threads);
    end_mac(order, shared, sum);
    for (std::uint32_t thread = 0; thread < threads; ++thread)
        end_piece(order, shared, thread, threads);
    return shared.fits;
}

} // namespace tz::cuda
