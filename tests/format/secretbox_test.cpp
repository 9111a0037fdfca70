#include "support/bytes.hpp"
#include "support/stack.hpp"
#include <tz/format/hash.hpp>
#include <tz/format/poly1305_ifma.hpp>
#include <tz/format/salsa20_avx512.hpp>
#include <tz/format/secretbox.hpp>
#include <tz/tests/support/sanitizer.hpp>

#include <gtest/gtest.h>
#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <random>

namespace tz::format::secretbox {
namespace {

using namespace tz::test;

using Key = std::array<std::byte, key_bytes>;

const Nonce some_nonce = counting_array<24>(0x40);
const Key some_key = counting_array<32>(0x90);

unsigned char* writable(std::span<std::byte> bytes) {
    return reinterpret_cast<unsigned char*>(bytes.data());
}

const unsigned char* raw(std::span<const std::byte> bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

Bytes random_bytes(std::size_t size, unsigned seed) {
    Bytes bytes(size);
    std::ranges::generate(bytes, [random = std::mt19937(seed)]() mutable {
        return static_cast<std::byte>(random());
    });
    return bytes;
}

class Secretbox : public testing::TestWithParam<Kernel> {
protected:
    void SetUp() override {
        ASSERT_GE(sodium_init(), 0);
        if (!available(kernel()))
            GTEST_SKIP() << "this machine can't";
    }

    static Kernel kernel() { return GetParam(); }

    /// Seals as libsodium does, and opens what libsodium sealed.
    static void expect_equal_to_libsodium(
        const Bytes& plain, const Nonce& nonce = some_nonce, const Key& key = some_key) {
        Bytes expected(plain.size() + 1); // libsodium wants an address even for no bytes
        Mac expected_mac;
        crypto_secretbox_detached(
            writable(expected),
            writable(expected_mac),
            raw(plain),
            plain.size(),
            raw(nonce),
            raw(key));
        expected.pop_back();

        Bytes sealed(plain.size());
        const Mac mac = seal(kernel(), sealed, plain, nonce, key);
        ASSERT_EQ(hex(mac), hex(expected_mac)) << plain.size();
        ASSERT_TRUE(sealed == expected) << plain.size();

        Bytes opened(plain.size());
        ASSERT_TRUE(open(kernel(), opened, expected, expected_mac, nonce, key)) << plain.size();
        ASSERT_TRUE(opened == plain) << plain.size();
    }
};

INSTANTIATE_TEST_SUITE_P(
    Kernels,
    Secretbox,
    testing::Values(Kernel::libsodium, Kernel::avx512, Kernel::avx512_ifma),
    [](const auto& test) {
        switch (test.param) {
        case Kernel::libsodium:
            return "Libsodium";
        case Kernel::avx512:
            return "Avx512";
        case Kernel::avx512_ifma:
            break;
        }
        return "Avx512Ifma";
    });

TEST_P(Secretbox, EqualsLibsodiumAtEveryLength) {
    const Bytes bytes = random_bytes(2500, 1);
    for (std::size_t size = 0; size <= bytes.size(); ++size)
        expect_equal_to_libsodium(slice(bytes, 0, size));
}

TEST_P(Secretbox, EqualsLibsodiumAtRandomLengths) {
    const unsigned seed = std::random_device()();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    for (int trial = 0; trial < 200; ++trial) {
        const Bytes keys = random_bytes(24 + key_bytes, random());
        Nonce nonce;
        Key key;
        std::copy_n(keys.begin(), nonce.size(), nonce.begin());
        std::copy_n(keys.begin() + nonce.size(), key.size(), key.begin());
        expect_equal_to_libsodium(random_bytes(random() % 70'000, random()), nonce, key);
    }
}

TEST_P(Secretbox, EqualsLibsodiumOnPiecesAsFilesHaveThem) {
    for (const std::size_t size : {usual_piece_bytes, usual_piece_bytes + 13})
        expect_equal_to_libsodium(random_bytes(size, 2));
}

TEST_P(Secretbox, EqualsLibsodiumOnKeysAndMessagesOfOneByte) {
    for (const std::byte filling : {std::byte{0}, std::byte{0xff}})
        for (const std::size_t size : {0, 1, 32, 33, 256, 1056, 4096, 10'000})
            for (const std::byte text : {std::byte{0}, std::byte{0xff}}) {
                Nonce nonce;
                Key key;
                nonce.fill(filling);
                key.fill(filling);
                expect_equal_to_libsodium(Bytes(size, text), nonce, key);
            }
}

TEST_P(Secretbox, TakesMemoryOfAnyAlignment) {
    constexpr std::size_t line = 64;
    for (const std::size_t size : {31, 1056, 5003}) {
        const Bytes plain = random_bytes(size, 3);
        Bytes sealed(size);
        const Mac mac = seal(Kernel::libsodium, sealed, plain, some_nonce, some_key);
        std::vector<std::byte> from(size + 2 * line);
        std::vector<std::byte> to(size + 2 * line);
        for (std::size_t shift = 0; shift < line; ++shift) {
            const std::span in = std::span(from).subspan(shift, size);
            const std::span out = std::span(to).subspan(line - 1 - shift, size);

            std::ranges::copy(sealed, in.begin());
            ASSERT_TRUE(open(kernel(), out, in, mac, some_nonce, some_key));
            ASSERT_TRUE(std::ranges::equal(out, plain)) << size << " at " << shift;
            ASSERT_TRUE(open(kernel(), in, in, mac, some_nonce, some_key));
            ASSERT_TRUE(std::ranges::equal(in, plain)) << size << " at " << shift;

            ASSERT_EQ(seal(kernel(), out, in, some_nonce, some_key), mac);
            ASSERT_TRUE(std::ranges::equal(out, sealed)) << size << " at " << shift;
            ASSERT_EQ(seal(kernel(), in, in, some_nonce, some_key), mac);
            ASSERT_TRUE(std::ranges::equal(in, sealed)) << size << " at " << shift;
        }
    }
}

TEST_P(Secretbox, WritesOnlyItsBytes) {
    for (const std::size_t size : {0, 1, 31, 32, 33, 1023, 1056, 1057, 3000}) {
        const Bytes plain = random_bytes(size, 4);
        Bytes out(size + 200, std::byte{0xee});
        const std::span middle = std::span(out).subspan(100, size);
        const Mac mac = seal(kernel(), middle, plain, some_nonce, some_key);
        ASSERT_TRUE(open(kernel(), middle, middle, mac, some_nonce, some_key));
        EXPECT_EQ(slice(out, 0, 100), Bytes(100, std::byte{0xee})) << size;
        EXPECT_EQ(slice(out, 100 + size, 100), Bytes(100, std::byte{0xee})) << size;
    }
}

TEST_P(Secretbox, WritesNothingUnlessTheMacFits) {
    const Bytes plain = random_bytes(1400, 5);
    Bytes sealed(plain.size());
    Mac mac = seal(kernel(), sealed, plain, some_nonce, some_key);
    Nonce nonce = some_nonce;
    Key key = some_key;
    const Bytes canary(plain.size(), std::byte{0xee});
    const auto expect_refused_at_every_bit = [&](std::span<std::byte> forged) {
        for (std::size_t bit = 0; bit < 8 * forged.size(); ++bit) {
            const auto flip = static_cast<std::byte>(1u << bit % 8);
            forged[bit / 8] ^= flip;
            Bytes out = canary;
            ASSERT_FALSE(open(kernel(), out, sealed, mac, nonce, key)) << bit;
            ASSERT_TRUE(out == canary) << bit;
            Bytes in_place = sealed;
            ASSERT_FALSE(open(kernel(), in_place, in_place, mac, nonce, key)) << bit;
            ASSERT_TRUE(in_place == sealed) << bit;
            forged[bit / 8] ^= flip;
        }
    };
    expect_refused_at_every_bit(mac);
    expect_refused_at_every_bit(nonce);
    expect_refused_at_every_bit(key);
    expect_refused_at_every_bit(sealed);
    for (const std::size_t size : {std::size_t{0}, plain.size() - 1}) {
        Bytes out(size, std::byte{0xee});
        EXPECT_FALSE(open(kernel(), out, slice(sealed, 0, size), mac, nonce, key));
        EXPECT_EQ(out, slice(canary, 0, size));
    }
    Bytes out(plain.size());
    EXPECT_TRUE(open(kernel(), out, sealed, mac, nonce, key)); // so nothing else was wrong
}

struct MadeKeys {
    std::array<std::byte, 32> stream_key;
    std::array<std::byte, 64> first_block;
};

MadeKeys make_keys() {
    MadeKeys keys;
    crypto_core_hsalsa20(writable(keys.stream_key), raw(some_nonce), raw(some_key), nullptr);
    crypto_stream_salsa20(
        writable(keys.first_block),
        keys.first_block.size(),
        raw(std::span(some_nonce).last<8>()),
        raw(keys.stream_key));
    return keys;
}

// The keys made from key and nonce; the key itself is the caller's. What stays in general registers
// and with the system no test sees.
TEST_P(Secretbox, LeavesNoKeyOnTheStack) {
    if (kernel() == Kernel::libsodium || test::sanitized)
        GTEST_SKIP() << "libsodium's own habits, or stack frames that aren't on the stack";
    const MadeKeys keys = make_keys();
    const Bytes plain = random_bytes(3000, 6);
    Bytes sealed(plain.size());
    Mac mac;
    const auto expect_clean = [&](const std::function<void()>& work) {
        const Bytes stack = stack_after(work);
        EXPECT_FALSE(traces_of(keys.stream_key, stack));
        EXPECT_FALSE(traces_of(keys.first_block, stack));
    };
    expect_clean([&] { mac = seal(kernel(), sealed, plain, some_nonce, some_key); });
    expect_clean([&] { EXPECT_TRUE(open(kernel(), sealed, sealed, mac, some_nonce, some_key)); });
    expect_clean([&] { EXPECT_FALSE(open(kernel(), sealed, sealed, mac, some_nonce, some_key)); });
}

// Else the test above shows nothing.
TEST(SecretboxTraces, AreFoundWhereNothingWasWiped) {
    if (!salsa20_avx512::available() || test::sanitized)
        GTEST_SKIP();
    const MadeKeys keys = make_keys();
    Bytes bytes(3000);
    EXPECT_TRUE(
        traces_of(keys.stream_key, stack_after([&] {
                      salsa20_avx512::xor_stream(
                          bytes, bytes, keys.stream_key, std::span(some_nonce).last<8>(), 1);
                  })));
}

TEST(SecretboxKernel, IsLibsodiumWhereNothingElseIsOrPays) {
    EXPECT_TRUE(available(Kernel::libsodium));
    EXPECT_EQ(fastest(0), Kernel::libsodium);
    EXPECT_TRUE(available(fastest(usual_piece_bytes)));
    if (available(Kernel::avx512_ifma)) {
        EXPECT_EQ(fastest(usual_piece_bytes), Kernel::avx512_ifma);
    }
}

TEST(SecretboxKernel, OfTheMacBringsTheCiphersInstructionsToo) {
    if (poly1305_ifma::available()) {
        EXPECT_TRUE(salsa20_avx512::available());
    }
}

} // namespace
} // namespace tz::format::secretbox
