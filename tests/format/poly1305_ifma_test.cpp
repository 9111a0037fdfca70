#include "support/bytes.hpp"
#include <tz/format/hash.hpp>
#include <tz/format/poly1305_ifma.hpp>

#include <gtest/gtest.h>
#include <sodium.h>

#include <random>

namespace tz::format::poly1305_ifma {
namespace {

using namespace tz::test;

class Poly1305Ifma : public testing::Test {
protected:
    void SetUp() override {
        if (!available())
            GTEST_SKIP() << "this CPU has no AVX-512 IFMA";
    }
};

std::string tag_of(const Bytes& message, const Bytes& key) {
    return hex(authenticate(message, std::span<const std::byte, key_bytes>(key)));
}

std::string by_libsodium(const Bytes& message, const Bytes& key) {
    Tag tag;
    crypto_onetimeauth(
        reinterpret_cast<unsigned char*>(tag.data()),
        reinterpret_cast<const unsigned char*>(message.data()),
        message.size(),
        reinterpret_cast<const unsigned char*>(key.data()));
    return hex(tag);
}

Bytes joined(std::initializer_list<Bytes> parts) {
    Bytes all;
    for (const Bytes& part : parts)
        all.insert(all.end(), part.begin(), part.end());
    return all;
}

/// A number below 2^64 in 16 bytes.
Bytes number(std::uint64_t value) {
    Bytes bytes(16);
    put<std::uint64_t>(bytes, 0, value);
    return bytes;
}

/// 16 equal bytes, the first one aside.
Bytes block(unsigned first, unsigned others) {
    Bytes bytes(16, std::byte(others));
    bytes[0] = std::byte(first);
    return bytes;
}

struct Vector {
    Bytes key;
    Bytes message;
    std::string tag;
};

// RFC 8439, 2.5.2 and A.3
std::vector<Vector> rfc8439() {
    const Bytes zero(16);
    const Bytes ones = block(0xff, 0xff);
    const Bytes secret = from_hex("36e5f6b5c5e06070f0efca96227a863e");
    const Bytes ietf = from_text(
        "Any submission to the IETF intended by the Contributor for publication as all or part of "
        "an IETF Internet-Draft or RFC and any statement made within the context of an IETF "
        "activity is considered an \"IETF Contribution\". Such statements include oral statements "
        "in IETF sessions, as well as written and electronic communications made at any time or "
        "place, which are addressed to");
    const Bytes jabberwocky =
        from_text("'Twas brillig, and the slithy toves\nDid gyre and gimble in the wabe:\n"
                  "All mimsy were the borogoves,\nAnd the mome raths outgrabe.");
    const Bytes sparse = from_hex("0100000000000000 0400000000000000");
    const Bytes carries =
        from_hex("e33594d7505e43b9 0000000000000000 3394d7505e4379cd 0100000000000000");
    return {
        {from_hex("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b"),
         from_text("Cryptographic Forum Research Group"),
         "a8061dc1305136c6c22b8baf0c0127a9"},
        {joined({zero, zero}), Bytes(64), "00000000000000000000000000000000"},
        {joined({zero, secret}), ietf, "36e5f6b5c5e06070f0efca96227a863e"},
        {joined({secret, zero}), ietf, "f3477e7cd95417af89a6b8794c310cf0"},
        {from_hex("1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0"),
         jabberwocky,
         "4541669a7eaaee61e708dc7cbcc5eb62"},
        {joined({number(2), zero}), ones, "03000000000000000000000000000000"},
        {joined({number(2), ones}), number(2), "03000000000000000000000000000000"},
        {joined({number(1), zero}),
         joined({ones, block(0xf0, 0xff), number(0x11)}),
         "05000000000000000000000000000000"},
        {joined({number(1), zero}),
         joined({ones, block(0xfb, 0xfe), block(1, 1)}),
         "00000000000000000000000000000000"},
        {joined({number(2), zero}), block(0xfd, 0xff), "faffffffffffffffffffffffffffffff"},
        {joined({sparse, zero}),
         joined({carries, zero, number(1)}),
         "14000000000000005500000000000000"},
        {joined({sparse, zero}), joined({carries, zero}), "13000000000000000000000000000000"},
    };
}

TEST_F(Poly1305Ifma, FitsTheVectorsOfRfc8439) {
    for (const auto& [key, message, tag] : rfc8439()) {
        EXPECT_EQ(tag_of(message, key), tag);
        EXPECT_EQ(by_libsodium(message, key), tag);
    }
}

TEST_F(Poly1305Ifma, EqualsLibsodiumAtEveryLength) {
    const Bytes key = counting(32, 0x70);
    for (std::size_t size = 0; size <= 2500; ++size) {
        const Bytes message = counting(size, 3);
        ASSERT_EQ(tag_of(message, key), by_libsodium(message, key)) << size;
    }
}

// With r = 1 the tag is the sum of the blocks. 16 blocks of zeros are 16 * 2^128, which is 20; four
// of them made nearly 2^128 - 1 bring the sum to p + d, in whichever lanes they lie.
TEST_F(Poly1305Ifma, ReducesSumsAroundThePrime) {
    const Bytes key = joined({number(1), Bytes(16)});
    for (int d = -8; d <= 16; ++d)
        for (std::size_t start = 0; start < 13; ++start)
            for (const std::size_t step : {1, 4}) {
                Bytes message(256);
                for (std::size_t i = 0; i < 4; ++i)
                    for (std::size_t at = 0; at < 16; ++at)
                        message[(start + i * step) % 16 * 16 + at] = std::byte{0xff};
                const Bytes nearly = block(static_cast<unsigned>(0x100 - 22 + d), 0xff);
                std::copy(
                    nearly.begin(),
                    nearly.end(),
                    message.begin() + static_cast<std::ptrdiff_t>(start * 16));
                const std::string tag = tag_of(message, key);
                ASSERT_EQ(tag, by_libsodium(message, key)) << d << " at " << start;
                if (d >= 0) {
                    ASSERT_EQ(tag, hex(number(static_cast<std::uint64_t>(d))));
                }
            }
}

TEST_F(Poly1305Ifma, EqualsLibsodiumAtTheEdges) {
    const unsigned seed = std::random_device()();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const auto random_block = [&] {
        Bytes bytes(16);
        for (std::byte& byte : bytes)
            byte = static_cast<std::byte>(random());
        return bytes;
    };
    const std::vector<Bytes> edges{
        Bytes(16),
        block(0xff, 0xff),
        block(0xfe, 0xff),
        block(0xfb, 0xff),
        block(0xfc, 0xff),
        block(0x05, 0x00),
        number(1),
        number(~0ull),
        number((1ull << 44) - 1),
        from_hex("ffffff0ffcffff0ffcffff0ffcffff0f"), // all that clamping leaves of r
        from_hex("00000000000000000000000000000080"),
    };
    const auto some_block = [&] {
        const std::size_t i = random() % (edges.size() + 1);
        return i < edges.size() ? edges[i] : random_block();
    };
    for (int trial = 0; trial < 20'000; ++trial) {
        const Bytes key = joined({some_block(), some_block()});
        const Bytes usual = some_block();
        Bytes message;
        for (auto blocks = random() % 80; blocks > 0; --blocks) {
            const Bytes& next = random() % 4 == 0 ? some_block() : usual;
            message.insert(message.end(), next.begin(), next.end());
        }
        message.resize(message.size() - std::min<std::size_t>(message.size(), random() % 17));
        ASSERT_EQ(tag_of(message, key), by_libsodium(message, key)) << hex(key) << hex(message);
    }
}

} // namespace
} // namespace tz::format::poly1305_ifma
