#include <tz/format/sha256_blocks.hpp>

#include <cassert>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace tz::format {

#if defined(__x86_64__)

namespace {

constexpr std::size_t words_at_once = 4; // 32-bit words in a register, and rounds they serve
constexpr std::size_t rounds = 64;
constexpr std::size_t words_in_block = 16;

alignas(64) constexpr std::array<std::uint32_t, rounds> round_constants{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

// Everything below carries the target by itself: the rest of the program must run without it.
#define TZ_SHA_NI [[gnu::target("sha,sse4.1"), gnu::always_inline]] inline

/// The eight working variables, in the order that the instructions want.
struct Variables {
    __m128i abef;
    __m128i cdgh;
};

/// One run on its way through a block.
struct Stream {
    Variables now;
    Variables before;    ///< the block
    __m128i schedule[4]; ///< the latest 16 words of FIPS 180-4's W, four words in turn
    const std::byte* block;
};

TZ_SHA_NI __m128i load(const void* from) {
    return _mm_loadu_si128(static_cast<const __m128i*>(from));
}

TZ_SHA_NI void store(std::uint32_t* to, __m128i words) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), words);
}

TZ_SHA_NI Variables load_variables(const Sha256State& state) {
    const __m128i badc = _mm_shuffle_epi32(load(state.data()), 0xB1);
    const __m128i hgfe = _mm_shuffle_epi32(load(state.data() + 4), 0x1B);
    return {_mm_alignr_epi8(badc, hgfe, 8), _mm_blend_epi16(hgfe, badc, 0xF0)};
}

TZ_SHA_NI void store_variables(Sha256State& state, const Variables& variables) {
    const __m128i feba = _mm_shuffle_epi32(variables.abef, 0x1B);
    const __m128i dchg = _mm_shuffle_epi32(variables.cdgh, 0xB1);
    store(state.data(), _mm_blend_epi16(feba, dchg, 0xF0));
    store(state.data() + 4, _mm_alignr_epi8(dchg, feba, 8));
}

/// Words `4 * group` and on: the block's own, which are big-endian.
TZ_SHA_NI void load_words(Stream& stream, std::size_t group) {
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    stream.schedule[group % 4] =
        _mm_shuffle_epi8(load(stream.block + sizeof(__m128i) * group), big_endian);
}

/// Words `t = 4 * group` and on, each sigma1(W[t-2]) + W[t-7] + sigma0(W[t-15]) + W[t-16], in the
/// place of the oldest.
TZ_SHA_NI void extend_words(Stream& stream, std::size_t group) {
    __m128i& oldest = stream.schedule[group % 4];
    const __m128i second = stream.schedule[(group + 1) % 4];
    const __m128i third = stream.schedule[(group + 2) % 4];
    const __m128i latest = stream.schedule[(group + 3) % 4];
    const __m128i seven_ago = _mm_alignr_epi8(latest, third, 4);
    const __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(oldest, second), seven_ago);
    oldest = _mm_sha256msg2_epu32(sum, latest);
}

TZ_SHA_NI void four_rounds(Stream& stream, std::size_t group) {
    const __m128i constants = load(round_constants.data() + words_at_once * group);
    const __m128i added = _mm_add_epi32(stream.schedule[group % 4], constants);
    // An instruction does two rounds, with the lower two of these words. They turn C, D, G and H
    // into the new A, B, E and F, and the old A, B, E and F become C, D, G and H by staying where
    // they are.
    Variables& now = stream.now;
    now.cdgh = _mm_sha256rnds2_epu32(now.cdgh, now.abef, added);
    now.abef = _mm_sha256rnds2_epu32(now.abef, now.cdgh, _mm_shuffle_epi32(added, 0x0E));
}

TZ_SHA_NI void end_block(Stream& stream) {
    stream.now.abef = _mm_add_epi32(stream.now.abef, stream.before.abef);
    stream.now.cdgh = _mm_add_epi32(stream.now.cdgh, stream.before.cdgh);
    stream.before = stream.now;
    stream.block += sha256_block_bytes;
}

/// A round has to wait for the one before it, so a stream alone leaves the core idle half of the
/// time; the rounds of others fill the gaps. The loops over streams and groups are unrolled so that
/// `streams` can live in registers, as far as there are enough.
template <std::size_t count_of_streams>
[[gnu::target("sha,sse4.1")]] void run(std::span<const Sha256Run> runs, std::size_t count) {
    Stream streams[count_of_streams];
#pragma GCC unroll 3
    for (std::size_t i = 0; i < count_of_streams; ++i) {
        streams[i].now = streams[i].before = load_variables(*runs[i].state);
        streams[i].block = runs[i].blocks.data();
    }
    for (; count > 0; --count) {
#pragma GCC unroll 16
        for (std::size_t group = 0; group < rounds / words_at_once; ++group)
#pragma GCC unroll 3
            for (Stream& stream : streams) {
                if (group < words_in_block / words_at_once)
                    load_words(stream, group);
                else
                    extend_words(stream, group);
                four_rounds(stream, group);
            }
#pragma GCC unroll 3
        for (Stream& stream : streams)
            end_block(stream);
    }
#pragma GCC unroll 3
    for (std::size_t i = 0; i < count_of_streams; ++i)
        store_variables(*runs[i].state, streams[i].now);
}

bool ask_cpu() noexcept {
    unsigned eax = 0;
    unsigned ebx = 0;
    unsigned ecx = 0;
    unsigned edx = 0;
    // g++ 12's __builtin_cpu_supports doesn't know "sha"
    if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0 || (ebx & bit_SHA) == 0)
        return false;
    return __builtin_cpu_supports("sse4.1") != 0 && __builtin_cpu_supports("ssse3") != 0;
}

} // namespace

bool has_sha_ni() noexcept {
    static const bool has = ask_cpu(); // asking takes microseconds on a virtual machine
    return has;
}

void sha256_blocks(std::span<const Sha256Run> runs, std::size_t count) {
    switch (runs.size()) {
    case 1:
        return run<1>(runs, count);
    case 2:
        return run<2>(runs, count);
    default:
        assert(runs.size() == sha256_runs_max);
        return run<sha256_runs_max>(runs, count);
    }
}

#else

bool has_sha_ni() noexcept {
    return false;
}

void sha256_blocks(std::span<const Sha256Run>, std::size_t) {
    assert(!"only where has_sha_ni()");
}

#endif

} // namespace tz::format
