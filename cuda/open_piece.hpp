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

/// Poly1305's key.
struct MacKey {
    Residue r;
    std::uint32_t pad[4];
};

/// 16 bytes that are read and written at once.
struct alignas(16) Quad {
    std::uint32_t word[4];
};

TZ_BOTH inline bool aligned(const std::byte* data, std::uintptr_t to) {
    return reinterpret_cast<std::uintptr_t>(data) % to == 0;
}

/// 16 bytes, little-endian, wherever they stand.
TZ_BOTH inline Quad quad_at(const std::byte* data) {
    if (aligned(data, alignof(Quad)))
        return *reinterpret_cast<const Quad*>(data);
    Quad quad{};
    for (int i = 0; i < 16; ++i)
        quad.word[i / 4] |= static_cast<std::uint32_t>(data[i]) << (8 * (i % 4));
    return quad;
}

TZ_BOTH inline Residue block_at(const std::byte* data) {
    return residue(quad_at(data).word, 1);
}

/// Step 1: the start of the key stream.
TZ_BOTH inline MacKey mac_key(const PieceOrder& order) {
    std::uint32_t block[16];
    salsa20(order.key, order.nonce, 0, block);
    const std::uint32_t half[4] = {block[0], block[1], block[2], block[3]};
    return {clamped(half), {block[4], block[5], block[6], block[7]}};
}

/// Step 2, each thread: its share in the polynomial of the whole groups.
TZ_BOTH inline Residue
share_of(const PieceOrder& order, const Residue& r, std::uint32_t thread, std::uint32_t threads) {
    const std::uint64_t groups = order.bytes / group_bytes;
    Residue sum{};
    if (thread >= groups)
        return sum;
    const Residue square = r * r;
    const Residue fourth = square * square;
    const Factor r1 = factor(r);
    const Factor r2 = factor(square);
    const Factor r3 = factor(square * r);
    const Factor r4 = factor(fourth);
    const Factor stride = factor(power(fourth, threads));
    std::uint64_t last = thread;
    for (std::uint64_t group = thread; group < groups; group += threads) {
        const std::byte* data = order.data + group * group_bytes;
        std::uint64_t limbs[5] = {};
        add_product(limbs, sum, stride);
        add_product(limbs, block_at(data), r4);
        add_product(limbs, block_at(data + 16), r3);
        add_product(limbs, block_at(data + 32), r2);
        add_product(limbs, block_at(data + 48), r1);
        sum = carried(limbs);
        last = group;
    }
    return sum * power(fourth, static_cast<std::uint32_t>(groups - 1 - last));
}

/// Step 3, one thread: the bytes behind the last whole group, and whether the MAC fits. `sum` is
/// that of all shares.
TZ_BOTH inline bool end_mac(const PieceOrder& order, const MacKey& key, Residue sum) {
    std::uint64_t at = order.bytes / group_bytes * group_bytes;
    for (; at + 16 <= order.bytes; at += 16)
        sum = (sum + block_at(order.data + at)) * key.r;
    if (at < order.bytes) {
        std::uint32_t word[4] = {};
        const auto left = static_cast<std::uint32_t>(order.bytes - at);
        for (std::uint32_t i = 0; i < left; ++i)
            word[i / 4] |= static_cast<std::uint32_t>(order.data[at + i]) << (8 * (i % 4));
        word[left / 4] |= 1u << (8 * (left % 4));
        sum = (sum + residue(word, 0)) * key.r;
    }
    std::uint32_t tag[4];
    tag_of(sum, key.pad, tag);
    std::uint32_t differs = 0;
    for (int i = 0; i < 4; ++i)
        differs |= tag[i] ^ order.mac[i];
    return differs == 0;
}

/// 64 bytes at `data`, which is aligned for them, changed by the key stream; or zeros.
TZ_BOTH inline void change_group(std::byte* data, const std::uint32_t (&stream)[16], bool keep) {
    for (int i = 0; i < 4; ++i) {
        Quad& quad = reinterpret_cast<Quad*>(data)[i];
        Quad changed{};
        for (int j = 0; j < 4; ++j)
            changed.word[j] = keep ? quad.word[j] ^ stream[4 * i + j] : 0;
        quad = changed;
    }
}

/// The same for bytes wherever they stand.
TZ_BOTH inline void
change_bytes(std::byte* data, const std::uint32_t* stream, std::uint32_t count, bool keep) {
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t changed =
            static_cast<std::uint32_t>(data[i]) ^ (stream[i / 4] >> (8 * (i % 4)));
        data[i] = keep ? static_cast<std::byte>(changed) : std::byte{0};
    }
}

/// Step 4, each thread: decrypts its blocks of the key stream, the first of which has 32 bytes for
/// the data; or wipes them where the MAC does not fit.
TZ_BOTH inline void
end_piece(const PieceOrder& order, bool fits, std::uint32_t thread, std::uint32_t threads) {
    constexpr std::uint64_t key_part = 32; // of the stream's first block
    const std::uint64_t stream_bytes = order.bytes + key_part;
    for (std::uint64_t at = std::uint64_t{thread} * group_bytes; at < stream_bytes;
         at += std::uint64_t{threads} * group_bytes) {
        const std::uint64_t skipped = at == 0 ? key_part : 0;
        const std::uint64_t end = at + group_bytes < stream_bytes ? at + group_bytes : stream_bytes;
        std::byte* data = order.data + (at + skipped - key_part);
        const auto count = static_cast<std::uint32_t>(end - at - skipped);
        // an array for each, or a device keeps the one of the usual case in memory too
        if (count == group_bytes && aligned(data, alignof(Quad))) {
            std::uint32_t block[16];
            salsa20(order.key, order.nonce, at / group_bytes, block);
            change_group(data, block, fits);
        } else {
            std::uint32_t block[16];
            salsa20(order.key, order.nonce, at / group_bytes, block);
            change_bytes(data, block + skipped / 4, count, fits);
        }
    }
}

/// All steps by one thread of the host, as if there were `threads`. Whether the MAC fits.
inline bool open_on_host(const PieceOrder& order, std::uint32_t threads) {
    const MacKey key = mac_key(order);
    Residue sum{};
    for (std::uint32_t thread = 0; thread < threads; ++thread)
        sum = sum + share_of(order, key.r, thread, threads);
    const bool fits = end_mac(order, key, sum);
    for (std::uint32_t thread = 0; thread < threads; ++thread)
        end_piece(order, fits, thread, threads);
    return fits;
}

} // namespace tz::cuda
