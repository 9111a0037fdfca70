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

// clang-format off
__attribute__((target("avx512f"), noinline)) void fill_all(const std::byte* from) {
    asm volatile(
        ".irp i, 0, 7, 15, 16, 24, 31\n"
        "vmovdqu64 (%0), %%zmm\\i\n"
        ".endr" :: "r"(from) : "memory");
}

__attribute__((target("avx512f"), noinline)) void store_all(std::byte* to) {
    asm volatile(
        ".irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, "
        "16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n"
        "vmovdqu64 %%zmm\\i, 64 * \\i(%0)\n"
        ".endr" :: "r"(to) : "memory");
}

// clang-format on

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
