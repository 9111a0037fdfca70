#include <tz/format/salsa20_avx512.hpp>

#if defined(__x86_64__)

#include <cstring>
#include <immintrin.h>

// g++ 12 warns of what its own header leaves undefined on purpose (bug 105593).
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

// What this file's functions may use, whatever the rest is compiled for. Attributes rather than
// compiler flags: with those, inline functions of the standard library would come out in AVX-512
// too, and the linker might pick these for all.
#define TZ_AVX512 __attribute__((target("avx512f")))
#define TZ_AVX512_INLINE TZ_AVX512 inline __attribute__((always_inline))

namespace tz::format::salsa20_avx512 {

namespace {

constexpr std::size_t words = 16; // of 32 bits in a block, and as many blocks in a group
constexpr std::size_t group_bytes = words * block_bytes;
constexpr int double_rounds = 10;

/// The cipher's input but for the counter, which are words 8 and 9.
struct Input {
    std::uint32_t word[words];
};

/// 16 blocks, word by word: lane j of word[i] is word i of block j.
struct Group {
    __m512i word[words];
};

Input make_input(
    std::span<const std::byte, key_bytes> key, std::span<const std::byte, nonce_bytes> nonce) {
    Input input{};
    input.word[0] = 0x61707865; // "expand 32-byte k"
    input.word[5] = 0x3320646e;
    input.word[10] = 0x79622d32;
    input.word[15] = 0x6b206574;
    std::memcpy(&input.word[1], key.data(), key_bytes / 2);
    std::memcpy(&input.word[6], nonce.data(), nonce_bytes);
    std::memcpy(&input.word[11], key.data() + key_bytes / 2, key_bytes / 2);
    return input;
}

TZ_AVX512_INLINE Group spread(const Input& input, std::uint64_t first_block) {
    Group group;
#pragma GCC unroll 16
    for (std::size_t i = 0; i < words; ++i)
        group.word[i] = _mm512_set1_epi32(static_cast<int>(input.word[i]));
    const __m512i low_lanes = _mm512_add_epi64(
        _mm512_set1_epi64(static_cast<long long>(first_block)),
        _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7));
    const __m512i high_lanes = _mm512_add_epi64(low_lanes, _mm512_set1_epi64(8));
    const __m512i even =
        _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
    group.word[8] = _mm512_permutex2var_epi32(low_lanes, even, high_lanes);
    group.word[9] = _mm512_permutex2var_epi32(low_lanes, odd, high_lanes);
    return group;
}

template <int bits>
TZ_AVX512_INLINE void mix(__m512i& word, __m512i a, __m512i b) {
    word = _mm512_xor_si512(word, _mm512_rol_epi32(_mm512_add_epi32(a, b), bits));
}

/// The words of one quarter-round.
struct Quarter {
    __m512i& a;
    __m512i& b;
    __m512i& c;
    __m512i& d;
};

/// Four quarter-rounds side by side: one after the other keeps the CPU less busy (5 %).
TZ_AVX512_INLINE void full_round(Quarter q, Quarter r, Quarter s, Quarter t) {
    mix<7>(q.b, q.a, q.d);
    mix<7>(r.b, r.a, r.d);
    mix<7>(s.b, s.a, s.d);
    mix<7>(t.b, t.a, t.d);

    mix<9>(q.c, q.b, q.a);
    mix<9>(r.c, r.b, r.a);
    mix<9>(s.c, s.b, s.a);
    mix<9>(t.c, t.b, t.a);

    mix<13>(q.d, q.c, q.b);
    mix<13>(r.d, r.c, r.b);
    mix<13>(s.d, s.c, s.b);
    mix<13>(t.d, t.c, t.b);

    mix<18>(q.a, q.d, q.c);
    mix<18>(r.a, r.d, r.c);
    mix<18>(s.a, s.d, s.c);
    mix<18>(t.a, t.d, t.c);
}

TZ_AVX512_INLINE void double_round(__m512i (&x)[words]) {
    full_round(
        {x[0], x[4], x[8], x[12]},
        {x[5], x[9], x[13], x[1]},
        {x[10], x[14], x[2], x[6]},
        {x[15], x[3], x[7], x[11]});
    full_round(
        {x[0], x[1], x[2], x[3]},
        {x[5], x[6], x[7], x[4]},
        {x[10], x[11], x[8], x[9]},
        {x[15], x[12], x[13], x[14]});
}

TZ_AVX512_INLINE Group key_stream(const Group& input) {
    Group group = input;
#pragma GCC unroll 1
    for (int i = 0; i < double_rounds; ++i)
        double_round(group.word);
#pragma GCC unroll 16
    for (std::size_t i = 0; i < words; ++i)
        group.word[i] = _mm512_add_epi32(group.word[i], input.word[i]);
    return group;
}

/// Transposes 4 x 4 words in each quarter of four vectors. Of words i to i + 3, quarter q of vector
/// k is then block 4q + k.
TZ_AVX512_INLINE void transpose_words(__m512i* x) {
    const __m512i low01 = _mm512_unpacklo_epi32(x[0], x[1]);
    const __m512i high01 = _mm512_unpackhi_epi32(x[0], x[1]);
    const __m512i low23 = _mm512_unpacklo_epi32(x[2], x[3]);
    const __m512i high23 = _mm512_unpackhi_epi32(x[2], x[3]);
    x[0] = _mm512_unpacklo_epi64(low01, low23);
    x[1] = _mm512_unpackhi_epi64(low01, low23);
    x[2] = _mm512_unpacklo_epi64(high01, high23);
    x[3] = _mm512_unpackhi_epi64(high01, high23);
}

TZ_AVX512_INLINE void
xor_block(std::byte* out, const std::byte* in, std::size_t block, __m512i stream) {
    const std::size_t at = block * block_bytes;
    _mm512_storeu_si512(out + at, _mm512_xor_si512(stream, _mm512_loadu_si512(in + at)));
}

/// Puts blocks k, k + 4, k + 8 and k + 12 together, whose quarters are in the vectors a, b, c and
/// d.
TZ_AVX512_INLINE void xor_blocks(
    std::byte* out,
    const std::byte* in,
    std::size_t k,
    __m512i a,
    __m512i b,
    __m512i c,
    __m512i d) {
    constexpr int first_halves = 0x44; // quarters 0 and 1 of both operands
    constexpr int second_halves = 0xee;
    constexpr int even_quarters = 0x88;
    constexpr int odd_quarters = 0xdd;
    const __m512i ab01 = _mm512_shuffle_i32x4(a, b, first_halves);
    const __m512i ab23 = _mm512_shuffle_i32x4(a, b, second_halves);
    const __m512i cd01 = _mm512_shuffle_i32x4(c, d, first_halves);
    const __m512i cd23 = _mm512_shuffle_i32x4(c, d, second_halves);
    xor_block(out, in, k, _mm512_shuffle_i32x4(ab01, cd01, even_quarters));
    xor_block(out, in, k + 4, _mm512_shuffle_i32x4(ab01, cd01, odd_quarters));
    xor_block(out, in, k + 8, _mm512_shuffle_i32x4(ab23, cd23, even_quarters));
    xor_block(out, in, k + 12, _mm512_shuffle_i32x4(ab23, cd23, odd_quarters));
}

TZ_AVX512_INLINE void
xor_group(std::byte* out, const std::byte* in, const Input& input, std::uint64_t first_block) {
    Group stream = key_stream(spread(input, first_block));
    __m512i(&x)[words] = stream.word;
#pragma GCC unroll 4
    for (std::size_t i = 0; i < words; i += 4)
        transpose_words(&x[i]);
#pragma GCC unroll 4
    for (std::size_t k = 0; k < 4; ++k)
        xor_blocks(out, in, k, x[k], x[4 + k], x[8 + k], x[12 + k]);
}

} // namespace

bool available() {
    static const bool found =
        __builtin_cpu_supports("avx512f"); // asks for the system's support too
    return found;
}

TZ_AVX512 __attribute__((noinline)) void xor_stream(
    std::span<std::byte> out,
    std::span<const std::byte> in,
    std::span<const std::byte, key_bytes> key,
    std::span<const std::byte, nonce_bytes> nonce,
    std::uint64_t first_block) {
    const Input input = make_input(key, nonce);
    std::size_t done = 0;
    for (; in.size() - done >= group_bytes; done += group_bytes, first_block += words)
        xor_group(out.data() + done, in.data() + done, input, first_block);
    if (const std::size_t rest = in.size() - done; rest > 0) {
        std::byte last[group_bytes]{};
        std::memcpy(last, in.data() + done, rest);
        xor_group(last, last, input, first_block);
        std::memcpy(out.data() + done, last, rest);
    }
}

} // namespace tz::format::salsa20_avx512

#else // every other architecture

#include <cstdlib>

namespace tz::format::salsa20_avx512 {

bool available() {
    return false;
}

void xor_stream(
    std::span<std::byte>,
    std::span<const std::byte>,
    std::span<const std::byte, key_bytes>,
    std::span<const std::byte, nonce_bytes>,
    std::uint64_t) {
    std::abort();
}

} // namespace tz::format::salsa20_avx512

#endif
