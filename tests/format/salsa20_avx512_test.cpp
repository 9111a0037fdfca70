#include "support/bytes.hpp"
#include <tz/format/salsa20_avx512.hpp>

#include <gtest/gtest.h>
#include <sodium.h>

namespace tz::format::salsa20_avx512 {
namespace {

using namespace tz::test;

const auto key = counting_array<32>(0x80);
const auto nonce = counting_array<8>(0x11);

class Salsa20Avx512 : public testing::Test {
protected:
    void SetUp() override {
        if (!available())
            GTEST_SKIP() << "this CPU has no AVX-512F";
    }
};

Bytes by_libsodium(const Bytes& in, std::uint64_t first_block) {
    Bytes out(in.size());
    if (in.empty())
        return out; // which has no address to give
    crypto_stream_salsa20_xor_ic(
        reinterpret_cast<unsigned char*>(out.data()),
        reinterpret_cast<const unsigned char*>(in.data()),
        in.size(),
        reinterpret_cast<const unsigned char*>(nonce.data()),
        first_block,
        reinterpret_cast<const unsigned char*>(key.data()));
    return out;
}

TEST_F(Salsa20Avx512, EqualsLibsodiumAtEveryLength) {
    for (std::size_t size = 0; size <= 2500; ++size) {
        const Bytes in = counting(size);
        Bytes out(size);
        xor_stream(out, in, key, nonce, 0);
        ASSERT_EQ(out, by_libsodium(in, 0)) << size;
    }
}

TEST_F(Salsa20Avx512, CountsBlocksPast32Bits) {
    const std::uint64_t turn = 1ull << 32;
    const Bytes in = counting(2500);
    for (std::uint64_t first = turn - 41; first <= turn + 1; ++first) {
        Bytes out(in.size());
        xor_stream(out, in, key, nonce, first);
        ASSERT_EQ(out, by_libsodium(in, first)) << first;
    }
    for (int bit = 0; bit < 64; ++bit) {
        const std::uint64_t first = (1ull << bit) - 1;
        Bytes out(in.size());
        xor_stream(out, in, key, nonce, first);
        ASSERT_EQ(out, by_libsodium(in, first)) << first;
    }
}

TEST_F(Salsa20Avx512, WorksInPlace) {
    for (const std::size_t size : {1, 63, 1024, 1025, 5000}) {
        Bytes bytes = counting(size);
        const Bytes expected = by_libsodium(bytes, 7);
        xor_stream(bytes, bytes, key, nonce, 7);
        EXPECT_EQ(bytes, expected) << size;
    }
}

} // namespace
} // namespace tz::format::salsa20_avx512
