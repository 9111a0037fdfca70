// What devices run to open sealed pieces, run by the host, against libsodium.
#include <tz/cuda/open_piece.hpp>
#include <tz/format/seal.hpp>
#include <tz/tests/support/files.hpp>

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace tz::cuda {
namespace {

struct SealedPiece {
    std::vector<std::byte> plain;
    std::vector<std::byte> memory; ///< sealed, from `data` on
    PieceOrder order{};
};

/// A piece that begins `unaligned` bytes behind a multiple of 8.
SealedPiece seal(std::size_t bytes, std::size_t unaligned) {
    SealedPiece piece;
    piece.plain = test::random_bytes(bytes, 7);
    piece.memory.resize(bytes + unaligned);
    const format::Secret key = format::random_key();
    const format::Nonce nonce = format::random_nonce();
    const auto sealed = std::span(piece.memory).subspan(unaligned);
    const format::Mac mac = format::seal_piece(sealed, piece.plain, nonce, key);
    const format::PieceKey its = format::piece_key(nonce, key);
    piece.order.data = sealed.data();
    piece.order.bytes = bytes;
    std::memcpy(piece.order.key, its.key.data(), its.key.size());
    std::memcpy(piece.order.nonce, its.nonce.data(), its.nonce.size());
    std::memcpy(piece.order.mac, mac.data(), mac.size());
    return piece;
}

std::vector<std::byte> contents(const SealedPiece& piece) {
    return {piece.order.data, piece.order.data + piece.order.bytes};
}

const std::vector<std::size_t> sizes{1,   15,  16,   17,   31,     32,     33,     47,
                                     48,  63,  64,   65,   95,     96,     97,     127,
                                     128, 129, 1000, 4096, 16'384, 16'385, 65'536, 262'149};

TEST(OpenPiece, OpensWhatLibsodiumSealed) {
    for (const std::size_t size : sizes) {
        for (const std::uint32_t threads : {1u, 3u, 32u, 256u}) {
            for (const std::size_t unaligned : {0u, 1u, 4u}) {
                const SealedPiece piece = seal(size, unaligned);
                EXPECT_TRUE(open_on_host(piece.order, threads)) << size << ' ' << threads;
                EXPECT_EQ(contents(piece), piece.plain) << size << ' ' << threads;
            }
        }
    }
}

TEST(OpenPiece, CarriesWhereCiphertextIsAllOnes) {
    // sealing is its own inverse: the key stream's complement as plaintext gives ones
    for (const std::size_t size : {16u, 64u, 4096u, 65'536u}) {
        const format::Secret key = format::random_key();
        const format::Nonce nonce = format::random_nonce();
        std::vector<std::byte> stream(size);
        format::seal_piece(stream, std::vector<std::byte>(size), nonce, key);
        for (std::byte& byte : stream)
            byte = ~byte;
        std::vector<std::byte> sealed(size);
        const format::Mac mac = format::seal_piece(sealed, stream, nonce, key);
        ASSERT_EQ(sealed, std::vector<std::byte>(size, std::byte{0xff}));
        const format::PieceKey its = format::piece_key(nonce, key);
        PieceOrder order{sealed.data(), size, {}, {}, {}};
        std::memcpy(order.key, its.key.data(), its.key.size());
        std::memcpy(order.nonce, its.nonce.data(), its.nonce.size());
        std::memcpy(order.mac, mac.data(), mac.size());
        EXPECT_TRUE(open_on_host(order, 32)) << size;
        EXPECT_EQ(sealed, stream) << size;
    }
}

TEST(OpenPiece, WipesWhatWasChanged) {
    for (const std::size_t size : sizes) {
        for (const std::size_t at : {std::size_t{0}, size / 2, size - 1}) {
            const SealedPiece piece = seal(size, 0);
            piece.order.data[at] ^= std::byte{0x10};
            EXPECT_FALSE(open_on_host(piece.order, 32)) << size << ' ' << at;
            EXPECT_EQ(contents(piece), std::vector<std::byte>(size)) << size << ' ' << at;
        }
    }
}

TEST(OpenPiece, WipesWhereAnyBitOfTheMacDiffers) {
    for (int bit = 0; bit < 128; ++bit) {
        SealedPiece piece = seal(100, 0);
        piece.order.mac[bit / 32] ^= 1u << (bit % 32);
        EXPECT_FALSE(open_on_host(piece.order, 32)) << bit;
        EXPECT_EQ(contents(piece), std::vector<std::byte>(100)) << bit;
    }
}

} // namespace
} // namespace tz::cuda
