#include "support/bytes.hpp"
#include <tz/format/hash.hpp>

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <random>
#include <vector>

namespace tz::format {
namespace {

using namespace tz::test;

using Lengths = std::vector<std::size_t>;

Sha256 openssl_sha256(std::span<const std::byte> bytes) {
    Sha256 digest;
    EXPECT_EQ(
        1,
        EVP_Digest(
            bytes.data(),
            bytes.size(),
            reinterpret_cast<unsigned char*>(digest.data()),
            nullptr,
            EVP_sha256(),
            nullptr));
    return digest;
}

/// Every test runs with each kernel that this machine has.
class Sha256With : public testing::TestWithParam<Sha256Kernel> {
protected:
    void SetUp() override {
        if (GetParam() == Sha256Kernel::sha_ni && !has_sha_ni())
            GTEST_SKIP() << "this CPU has no SHA instructions";
    }

    Sha256Stream stream() const { return Sha256Stream(GetParam()); }

    Sha256 digest(std::span<const std::byte> bytes) const {
        Sha256Stream all = stream();
        all.update(bytes);
        return all.finish();
    }

    /// One stream for each length. Each gets a share of its bytes alone and the rest with all
    /// others.
    void expect_right_together(const Lengths& lengths, const Lengths& shares_alone) const {
        std::vector<Bytes> wholes;
        std::vector<Sha256Stream> streams;
        for (std::size_t i = 0; i < lengths.size(); ++i) {
            wholes.push_back(random_bytes(lengths[i], static_cast<unsigned>(i)));
            streams.push_back(stream());
            streams[i].update(std::span(wholes[i]).first(shares_alone[i]));
        }
        std::vector<Sha256Part> parts;
        parts.reserve(lengths.size());
        for (std::size_t i = 0; i < lengths.size(); ++i)
            parts.push_back({&streams[i], std::span(wholes[i]).subspan(shares_alone[i])});
        sha256_update(parts);
        for (std::size_t i = 0; i < lengths.size(); ++i)
            EXPECT_EQ(streams[i].finish(), openssl_sha256(wholes[i]))
                << "stream " << i << " of " << lengths.size() << ", " << lengths[i] << " bytes, "
                << shares_alone[i] << " of them alone";
    }
};

TEST_P(Sha256With, GivesThePublishedDigests) {
    EXPECT_EQ(hex(digest({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(
        hex(digest(from_text("abc"))),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(
        hex(digest(from_text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    EXPECT_EQ(
        hex(digest(Bytes(1'000'000, std::byte{'a'}))),
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_P(Sha256With, IsOpenSslsForEveryShortLength) {
    const Bytes bytes = random_bytes(300, 1);
    for (std::size_t length = 0; length <= bytes.size(); ++length) {
        const auto part = std::span(bytes).first(length);
        EXPECT_EQ(digest(part), openssl_sha256(part)) << length;
    }
}

TEST_P(Sha256With, IsOpenSslsForLongerOnesAtAnyAddress) {
    std::mt19937 random(2);
    const Bytes bytes = random_bytes(300'000, 2);
    for (int round = 0; round < 100; ++round) {
        const auto part = std::span(bytes).subspan(random() % 100, random() % 200'000);
        EXPECT_EQ(digest(part), openssl_sha256(part)) << part.size();
    }
}

TEST_P(Sha256With, GivesTheSameWhereverTheBytesAreSplit) {
    const Bytes bytes = random_bytes(200, 3);
    for (std::size_t length = 0; length <= bytes.size(); ++length) {
        const auto whole = std::span(bytes).first(length);
        const Sha256 expected = openssl_sha256(whole);
        for (std::size_t split = 0; split <= length; ++split) {
            Sha256Stream parts = stream();
            parts.update(whole.first(split));
            parts.update({});
            parts.update(whole.subspan(split));
            EXPECT_EQ(parts.finish(), expected) << split << " of " << length;
        }
    }
}

TEST_P(Sha256With, TakesBytesOneByOne) {
    const Bytes bytes = random_bytes(1000, 4);
    Sha256Stream single = stream();
    for (std::size_t i = 0; i < bytes.size(); ++i)
        single.update(std::span(bytes).subspan(i, 1));
    EXPECT_EQ(single.finish(), openssl_sha256(bytes));
}

TEST_P(Sha256With, GoesOnAfterAMove) {
    const Bytes bytes = random_bytes(300, 5);
    Sha256Stream first = stream();
    first.update(std::span(bytes).first(100));
    Sha256Stream second = std::move(first);
    second.update(std::span(bytes).subspan(100, 100));
    Sha256Stream third = stream();
    third.update(bytes); // forgotten in the assignment
    third = std::move(second);
    third.update(std::span(bytes).subspan(200));
    EXPECT_EQ(third.finish(), openssl_sha256(bytes));
}

TEST_P(Sha256With, ContinuesOneToThreeStreamsOfUnequalLengths) {
    const Lengths lengths{0, 1, 63, 64, 65, 640, 1000, 5000};
    const Lengths none(3);
    for (const std::size_t first : lengths) {
        expect_right_together({first}, none);
        for (const std::size_t second : lengths) {
            expect_right_together({first, second}, none);
            for (const std::size_t third : lengths)
                expect_right_together({first, second, third}, none);
        }
    }
}

TEST_P(Sha256With, ContinuesStreamsThatHoldPartOfABlock) {
    for (std::size_t held = 0; held < 130; ++held)
        expect_right_together({held + 1, held + 64, held + 500}, {held, held / 2, 63});
}

TEST_P(Sha256With, ContinuesAnyNumberOfStreams) {
    std::mt19937 random(6);
    for (const std::size_t count : {0, 1, 4, 7, 100})
        for (int round = 0; round < 5; ++round) {
            Lengths lengths;
            Lengths shares_alone;
            for (std::size_t i = 0; i < count; ++i) {
                lengths.push_back(random() % (random() % 4 == 0 ? 20'000 : 200));
                shares_alone.push_back(random() % (std::min<std::size_t>(lengths[i], 150) + 1));
            }
            expect_right_together(lengths, shares_alone);
        }
}

TEST_P(Sha256With, ContinuesTheSameStreamsAgainAndAgain) {
    const std::vector<Bytes> wholes{random_bytes(5000, 7), random_bytes(5000, 8)};
    std::vector<Sha256Stream> streams;
    streams.push_back(stream());
    streams.push_back(stream());
    for (std::size_t at = 0; at < 5000; at += 250) {
        const std::array<Sha256Part, 2> parts{
            Sha256Part{&streams[0], std::span(wholes[0]).subspan(at, 250)},
            Sha256Part{&streams[1], std::span(wholes[1]).subspan(at, 250)}};
        sha256_update(parts);
    }
    EXPECT_EQ(streams[0].finish(), openssl_sha256(wholes[0]));
    EXPECT_EQ(streams[1].finish(), openssl_sha256(wholes[1]));
}

INSTANTIATE_TEST_SUITE_P(
    Kernels,
    Sha256With,
    testing::Values(Sha256Kernel::openssl, Sha256Kernel::sha_ni),
    [](const auto& info) {
        return info.param == Sha256Kernel::openssl ? "OpenSsl" : "ShaInstructions";
    });

TEST(Sha256Stream, CountsBeyondFourGigabytes) {
    constexpr std::size_t step_bytes = 16 << 20;
    const Bytes zeros(step_bytes);
    Sha256Stream stream;
    for (std::size_t i = 0; i < (std::size_t{4} << 30) / step_bytes; ++i)
        stream.update(zeros);
    stream.update(std::span(zeros).first(1));
    // head -c 4294967297 /dev/zero | sha256sum
    EXPECT_EQ(
        hex(stream.finish()), "fbb82f7b353676bb562eb82157fcf0ea42c36492ca13ee56dbf82c08b6802c5c");
}

TEST(Sha256Update, TakesStreamsOfBothKernelsTogether) {
    const Bytes bytes = random_bytes(1000, 9);
    Sha256Stream openssl(Sha256Kernel::openssl);
    Sha256Stream best;
    const std::array<Sha256Part, 2> parts{Sha256Part{&openssl, bytes}, Sha256Part{&best, bytes}};
    sha256_update(parts);
    EXPECT_EQ(openssl.finish(), openssl_sha256(bytes));
    EXPECT_EQ(best.finish(), openssl_sha256(bytes));
}

TEST(Sha256Kernel, IsTheInstructionsWhereTheCpuHasThem) {
    EXPECT_EQ(best_sha256_kernel() == Sha256Kernel::sha_ni, has_sha_ni());
}

TEST(Sha256, IsThatOfAStream) {
    const Bytes bytes = random_bytes(1000, 10);
    EXPECT_EQ(sha256(bytes), openssl_sha256(bytes));
}

} // namespace
} // namespace tz::format
