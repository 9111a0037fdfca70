#include "support/bytes.hpp"
#include "support/stack.hpp"
#include <tz/format/hash.hpp>
#include <tz/format/seal.hpp>
#include <tz/tests/support/sanitizer.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

namespace tz::format {
namespace {

using namespace tz::test;

const Nonce first_nonce = counting_array<24>(0x40);

Secret key() {
    return Secret(counting(32));
}

std::string derived(std::string_view password, std::uint64_t passes, std::uint64_t memory) {
    KeyDerivation derivation{passes, memory, counting_array<16>()};
    return hex(derive_key(Secret(from_text(password)), derivation).bytes());
}

TEST(Seal, SealsPiecesAsLibsodiumDoes) {
    Bytes data = counting(2500);
    std::vector<std::string> macs;
    for (std::size_t start = 0; start < data.size(); start += 1024) {
        const auto piece =
            std::span(data).subspan(start, std::min<std::size_t>(1024, data.size() - start));
        macs.push_back(hex(seal_piece(piece, piece, piece_nonce(first_nonce, macs.size()), key())));
    }
    const std::vector<std::string> expected{
        "370be2f322b80ac847534ae65326abea",
        "dc1149623606b1a814303c27e275e049",
        "73fe7075fa25223d0ec52460c105359f"};
    EXPECT_EQ(macs, expected);
    EXPECT_EQ(
        hex(sha256(data)), "51c686bed8f038b1716043d4204e23414a963f50417796a9fc6137641668a91d");
}

TEST(Seal, OpensWhatItSealed) {
    for (const std::size_t size : {0, 1, 31, 32, 33, 64, 1000, 100'000}) {
        const Bytes plain = counting(size);
        Bytes sealed(size);
        const Mac mac = seal_piece(sealed, plain, first_nonce, key());
        Bytes apart(size);
        EXPECT_TRUE(open_piece(apart, sealed, mac, first_nonce, key()));
        EXPECT_EQ(apart, plain);
        EXPECT_TRUE(open_piece(sealed, sealed, mac, first_nonce, key()));
        EXPECT_EQ(sealed, plain);
    }
}

TEST(Seal, WritesNothingUnlessTheMacFits) {
    const Bytes plain = counting(100);
    Bytes sealed(100);
    const Mac mac = seal_piece(sealed, plain, first_nonce, key());
    const auto refused =
        [&](const Bytes& cipher, const Mac& tag, const Nonce& nonce, const Secret& secret) {
            Bytes out(100, std::byte{0xee});
            EXPECT_FALSE(open_piece(out, cipher, tag, nonce, secret));
            EXPECT_EQ(out, Bytes(100, std::byte{0xee}));
        };
    for (std::size_t i = 0; i < sealed.size(); ++i) {
        Bytes flipped = sealed;
        flipped[i] ^= std::byte{1};
        refused(flipped, mac, first_nonce, key());
    }
    for (std::size_t i = 0; i < mac.size(); ++i) {
        Mac flipped = mac;
        flipped[i] ^= std::byte{0x80};
        refused(sealed, flipped, first_nonce, key());
    }
    refused(sealed, mac, piece_nonce(first_nonce, 1), key());
    refused(sealed, mac, first_nonce, Secret(counting(32, 1)));
}

TEST(Seal, WantsAKeyOf32Bytes) {
    Bytes data = counting(8);
    expect_error(errc::usage, "32 bytes", [&] {
        seal_piece(data, data, first_nonce, Secret(counting(31)));
    });
}

TEST(PieceNonce, CountsUpInLittleEndian) {
    Nonce expected = first_nonce;
    EXPECT_EQ(piece_nonce(first_nonce, 0), expected);
    expected[0] = std::byte{0x41};
    EXPECT_EQ(piece_nonce(first_nonce, 1), expected);
    expected[0] = std::byte{0x3f}; // 0x40 + 0xff, carried
    expected[1] = std::byte{0x42};
    EXPECT_EQ(piece_nonce(first_nonce, 0xff), expected);
}

TEST(PieceNonce, WrapsAroundAfterItsLastValue) {
    Nonce last;
    last.fill(std::byte{0xff});
    EXPECT_EQ(piece_nonce(last, 1), Nonce{});
    Nonce carried{};
    carried[8] = std::byte{1};
    Nonce low{};
    low[0] = std::byte{1};
    EXPECT_EQ(piece_nonce(low, ~std::uint64_t{0}), carried);
}

TEST(DeriveKey, IsArgon2id) {
    EXPECT_EQ(
        derived("pw", 1, 8192), "970c85e295fbe31a06b8df36b766d53a61aa4093d7dcf5fd90f94dfdc4a7077e");
    EXPECT_EQ(
        derived("p\xc3\xa4ssword 123", 3, 1048576),
        "787882b3fbf7d68c57e8338a80312357f5b79795b6d03bdc34de94810467b64e");
    EXPECT_EQ(
        derived("pw", 2, 67108864),
        "53d013a10853924e0101463e610b2ccebba475d2cac578125cf1aa876bf53a13");
}

TEST(DeriveKey, RoundsMemoryDownToWholeKiB) {
    EXPECT_EQ(derived("pw", 1, 8192 + 1023), derived("pw", 1, 8192));
}

TEST(DeriveKey, RefusesWhatArgon2idCannotDo) {
    expect_error(errc::usage, "empty", [] { derived("", 1, 8192); });
    expect_error(errc::usage, "range", [] { derived("pw", 0, 8192); });
    expect_error(errc::usage, "range", [] { derived("pw", 1, 8191); });
    expect_error(errc::usage, "range", [] { derived("pw", 1ull << 32, 8192); });
    expect_error(errc::usage, "range", [] { derived("pw", 1, 1ull << 42); });
}

// The first call of a function that is bound late saves vector registers on the stack, where a copy
// of the key may be: programs with keys are linked so that none is.
TEST(DeriveKey, IsNotInWhatBindingAFunctionSaves) {
    if (sanitized)
        GTEST_SKIP() << "stack frames that aren't on the stack";
    const Secret password(from_text("pw"));
    const KeyDerivation derivation{1, 8192, counting_array<16>()};
    const Secret key = derive_key(password, derivation);
    const Bytes stack = stack_after([&] {
        const Secret again = derive_key(password, derivation);
        EXPECT_GE(::lrand48(), 0); // which nothing else here calls
    });
    EXPECT_FALSE(traces_of(key.bytes(), stack));
}

TEST(CheckDerivation, CapsPassesAndMemory) {
    const std::uint64_t much = 1ull << 40;
    check_derivation({4, 1ull << 30, {}}, much); // pip's costliest preset
    check_derivation({16, 2ull << 30, {}}, much);
    expect_error(errc::limit, "17 passes, the limit is 16; if you trust the file, raise", [&] {
        check_derivation({17, 8192, {}}, much);
    });
    expect_error(errc::limit, "2147483649 bytes of memory, the limit is 2147483648", [&] {
        check_derivation({1, (2ull << 30) + 1, {}}, much);
    });
    expect_error(errc::limit, "passes", [&] { check_derivation({1ull << 31, 8192, {}}, much); });
    expect_error(errc::limit, "4398046510080 bytes", [&] {
        check_derivation({1, 4398046510080, {}}, much);
    });
}

TEST(CheckDerivation, TakesOtherLimits) {
    const DerivationLimits limits{.passes = 17, .memory_bytes = 8193};
    check_derivation({17, 8193, {}}, 1ull << 40, limits);
    expect_error(errc::limit, "the limit is 17", [&] {
        check_derivation({18, 8193, {}}, 1ull << 40, limits);
    });
    expect_error(errc::limit, "the limit is 8193", [&] {
        check_derivation({17, 8194, {}}, 1ull << 40, limits);
    });
}

TEST(CheckDerivation, LeavesHalfOfTheMemoryAlone) {
    const auto half = [](std::uint64_t available) {
        check_derivation({1, 1 << 20, {}}, available, {.memory_bytes = 1ull << 40});
    };
    half(2 << 20);
    expect_error(errc::limit, "more than half of the 2097151 available; free some memory", [&] {
        half((2 << 20) - 1);
    });
}

TEST(ParseKey, TakesRawBytesAndHexDigits) {
    const Bytes raw = counting(32, 0xf0);
    const std::string digits = hex(raw);
    for (const Bytes& text :
         {raw, from_text(digits), from_text(digits + "\n"), from_text(digits + "\r\n")})
        EXPECT_EQ(hex(parse_key(text).bytes()), digits);
    EXPECT_EQ(hex(parse_key(from_text(std::string(64, 'A'))).bytes()), std::string(64, 'a'));
}

TEST(ParseKey, RefusesAnythingElseWithoutRepeatingIt) {
    const std::string digits(64, 'a');
    std::vector<std::string> texts{
        "", digits + "\n\n", digits.substr(32) + ":" + digits.substr(33)};
    for (const std::size_t size : {31, 33, 63, 65})
        texts.emplace_back(size, 'a');
    texts.emplace_back(64, 'g');
    for (const std::string& text : texts)
        expect_error(errc::usage, "a key is 32 bytes or 64 hex digits; make", [&] {
            parse_key(from_text(text));
        });
}

TEST(Secret, HoldsItsBytes) {
    Secret secret(from_text("hush"));
    EXPECT_EQ(hex(secret.bytes()), hex(from_text("hush")));
    const Secret moved = std::move(secret);
    EXPECT_EQ(hex(moved.bytes()), hex(from_text("hush")));
    EXPECT_TRUE(Secret(Bytes{}).bytes().empty());
}

TEST(Secret, CanBeMadeOnManyThreadsAtOnce) {
    std::vector<std::thread> threads(8);
    for (std::thread& thread : threads)
        thread = std::thread([] { EXPECT_EQ(random_key().bytes().size(), key_bytes); });
    for (std::thread& thread : threads)
        thread.join();
}

TEST(Random, GivesNothingTwice) {
    EXPECT_NE(random_nonce(), random_nonce());
    EXPECT_NE(hex(random_key().bytes()), hex(random_key().bytes()));
}

TEST(Wipe, Zeroes) {
    Bytes bytes = counting(100);
    wipe(bytes);
    EXPECT_EQ(bytes, Bytes(100));
    wipe({});
}

} // namespace
} // namespace tz::format
