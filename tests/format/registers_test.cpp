// Vector registers are empty where keys were in them.
#include "support/bytes.hpp"
#include "support/stack.hpp"
#include <tz/format/registers.hpp>
#include <tz/format/seal.hpp>
#include <tz/tests/support/sanitizer.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <functional>

#if defined(__x86_64__)

namespace tz::format {
namespace {

using namespace test;

constexpr std::size_t registers_bytes = 2048; // 32 of 64 bytes

__attribute__((target("avx512f"), noinline)) void fill_all(const std::byte* from) {
    asm volatile("vmovdqu64 (%0), %%zmm0\n\t"
                 "vmovdqu64 (%0), %%zmm7\n\t"
                 "vmovdqu64 (%0), %%zmm15\n\t"
                 "vmovdqu64 (%0), %%zmm16\n\t"
                 "vmovdqu64 (%0), %%zmm24\n\t"
                 "vmovdqu64 (%0), %%zmm31" ::"r"(from)
                 : "memory");
}

__attribute__((target("avx512f"), noinline)) void store_all(std::byte* to) {
    asm volatile("vmovdqu64 %%zmm0, 0(%0)\n\t"
                 "vmovdqu64 %%zmm1, 64(%0)\n\t"
                 "vmovdqu64 %%zmm2, 128(%0)\n\t"
                 "vmovdqu64 %%zmm3, 192(%0)\n\t"
                 "vmovdqu64 %%zmm4, 256(%0)\n\t"
                 "vmovdqu64 %%zmm5, 320(%0)\n\t"
                 "vmovdqu64 %%zmm6, 384(%0)\n\t"
                 "vmovdqu64 %%zmm7, 448(%0)\n\t"
                 "vmovdqu64 %%zmm8, 512(%0)\n\t"
                 "vmovdqu64 %%zmm9, 576(%0)\n\t"
                 "vmovdqu64 %%zmm10, 640(%0)\n\t"
                 "vmovdqu64 %%zmm11, 704(%0)\n\t"
                 "vmovdqu64 %%zmm12, 768(%0)\n\t"
                 "vmovdqu64 %%zmm13, 832(%0)\n\t"
                 "vmovdqu64 %%zmm14, 896(%0)\n\t"
                 "vmovdqu64 %%zmm15, 960(%0)\n\t"
                 "vmovdqu64 %%zmm16, 1024(%0)\n\t"
                 "vmovdqu64 %%zmm17, 1088(%0)\n\t"
                 "vmovdqu64 %%zmm18, 1152(%0)\n\t"
                 "vmovdqu64 %%zmm19, 1216(%0)\n\t"
                 "vmovdqu64 %%zmm20, 1280(%0)\n\t"
                 "vmovdqu64 %%zmm21, 1344(%0)\n\t"
                 "vmovdqu64 %%zmm22, 1408(%0)\n\t"
                 "vmovdqu64 %%zmm23, 1472(%0)\n\t"
                 "vmovdqu64 %%zmm24, 1536(%0)\n\t"
                 "vmovdqu64 %%zmm25, 1600(%0)\n\t"
                 "vmovdqu64 %%zmm26, 1664(%0)\n\t"
                 "vmovdqu64 %%zmm27, 1728(%0)\n\t"
                 "vmovdqu64 %%zmm28, 1792(%0)\n\t"
                 "vmovdqu64 %%zmm29, 1856(%0)\n\t"
                 "vmovdqu64 %%zmm30, 1920(%0)\n\t"
                 "vmovdqu64 %%zmm31, 1984(%0)" ::"r"(to)
                 : "memory");
}

/// What the registers hold right after `work`.
Bytes registers_after(const std::function<void()>& work) {
    Bytes found(registers_bytes);
    work();
    store_all(found.data());
    return found;
}

class VectorRegisters : public testing::Test {
protected:
    void SetUp() override {
        if (sanitized || !__builtin_cpu_supports("avx512f"))
            GTEST_SKIP() << "they are looked at with AVX-512";
    }

    const Bytes secret_ = counting(64, 0x31);
};

TEST_F(VectorRegisters, AreAllWiped) {
    EXPECT_TRUE(traces_of(secret_, registers_after([&] { fill_all(secret_.data()); })));
    const Bytes wiped = registers_after([&] {
        fill_all(secret_.data());
        wipe_vector_registers();
    });
    EXPECT_TRUE(std::ranges::all_of(wiped, [](std::byte byte) { return byte == std::byte{}; }));
}

TEST_F(VectorRegisters, HaveNoKeyThatWasWorkedWith) {
    const Secret password(from_text("pw"));
    const KeyDerivation derivation{1, 8192, counting_array<16>()};
    const Secret key = derive_key(password, derivation);
    const Nonce nonce = counting_array<24>();
    const PieceKey piece = piece_key(nonce, key);
    Bytes few(100), many(5000); // which libsodium opens, and maybe we do
    Mac mac{};
    const std::function<void()> works[] = {
        [&] { derive_key(password, derivation); },
        [&] { const Secret copy(key.bytes()); },
        [&] { parse_key(key.bytes()); },
        [&] { mac = seal_piece(few, few, nonce, key); },
        [&] { EXPECT_TRUE(open_piece(few, few, mac, nonce, key)); },
        [&] { mac = seal_piece(many, many, nonce, key); },
        [&] { EXPECT_TRUE(open_piece(many, many, mac, nonce, key)); },
    };
    for (std::size_t i = 0; i < std::size(works); ++i) {
        SCOPED_TRACE(i);
        const Bytes registers = registers_after(works[i]);
        EXPECT_FALSE(traces_of(key.bytes(), registers));
        EXPECT_FALSE(traces_of(piece.key, registers));
    }
}

} // namespace
} // namespace tz::format

#endif
