#include <tz/format/poly1305_ifma.hpp>

#if defined(__x86_64__)

#include <cstdint>
#include <cstring>
#include <immintrin.h>

// What this file's functions may use, whatever the rest is compiled for; see salsa20_avx512.cpp.
#define TZ_IFMA __attribute__((target("avx512f,avx512ifma")))
#define TZ_IFMA_INLINE TZ_IFMA inline __attribute__((always_inline))

namespace tz::format::poly1305_ifma {

namespace {

// Numbers modulo p = 2^130 - 5 are three limbs of 44, 44 and 42 bits. IFMA multiplies 52 bits by 52
// and adds the low or the high 52 bits of the product to 64. So limbs have 8 bits to spare: sums
// may wait for their carries, and what passes 2^130 comes back times 5 before they are made.
constexpr int limb_bits = 44;
constexpr int top_bits = 42;
constexpr int product_bits = 52;
constexpr std::uint64_t limb_mask = (1ull << limb_bits) - 1;
constexpr std::uint64_t top_mask = (1ull << top_bits) - 1;
// Limbs 1 and 2 of one factor by limbs 2 and 1 of the other weigh 2^132: 4 * 5 modulo p.
constexpr std::uint64_t wrapped = 20;

constexpr std::size_t block_bytes = 16;
constexpr std::size_t lanes = 8;
constexpr std::size_t half_bytes = lanes * block_bytes;
constexpr std::size_t group_bytes = 2 * half_bytes;
constexpr std::uint64_t whole_block = 1ull << 40; // the bit above a whole block, in its top limb

using Wide = unsigned __int128;
using Lanes = std::uint64_t __attribute__((vector_size(64)));

template <typename T>
struct Limbs {
    T limb[3];
};

using Number = Limbs<std::uint64_t>;
using Numbers = Limbs<Lanes>; // eight

std::uint64_t load_word(const std::byte* from) {
    std::uint64_t word;
    std::memcpy(&word, from, sizeof(word));
    return word;
}

Number split(std::uint64_t low, std::uint64_t high) {
    return {{low & limb_mask, (low >> 44 | high << 20) & limb_mask, high >> 24}};
}

/// Limbs may come with 4 bits too many; the middle one may leave with a few.
Number multiply(const Number& a, const Number& b) {
    const auto& [a0, a1, a2] = a.limb;
    const auto& [b0, b1, b2] = b.limb;
    const std::uint64_t wrapped1 = b1 * wrapped;
    const std::uint64_t wrapped2 = b2 * wrapped;
    const Wide sum0 = Wide(a0) * b0 + Wide(a1) * wrapped2 + Wide(a2) * wrapped1;
    const Wide sum1 = Wide(a0) * b1 + Wide(a1) * b0 + Wide(a2) * wrapped2 + (sum0 >> limb_bits);
    const Wide sum2 = Wide(a0) * b2 + Wide(a1) * b1 + Wide(a2) * b0 + (sum1 >> limb_bits);
    const std::uint64_t limb0 = (static_cast<std::uint64_t>(sum0) & limb_mask) +
                                5 * static_cast<std::uint64_t>(sum2 >> top_bits);
    return {
        {limb0 & limb_mask,
         (static_cast<std::uint64_t>(sum1) & limb_mask) + (limb0 >> limb_bits),
         static_cast<std::uint64_t>(sum2) & top_mask}};
}

/// What eight lanes are multiplied by.
struct Factor {
    Lanes limb0, limb1, limb2;
    Lanes wrapped1, wrapped2;
};

/// Sums of products that no carry was made in yet: the low and the high halves by limb.
struct Product {
    Lanes low[3];
    Lanes high[3];
};

TZ_IFMA_INLINE Lanes spread(std::uint64_t value) {
    return Lanes{value, value, value, value, value, value, value, value};
}

TZ_IFMA_INLINE Factor make_factor(const Numbers& n) {
    return {n.limb[0], n.limb[1], n.limb[2], n.limb[1] * wrapped, n.limb[2] * wrapped};
}

TZ_IFMA_INLINE Factor make_factor(const Number& n) {
    return make_factor(Numbers{{spread(n.limb[0]), spread(n.limb[1]), spread(n.limb[2])}});
}

TZ_IFMA_INLINE Lanes load_words(const std::byte* from) {
    return reinterpret_cast<Lanes>(_mm512_loadu_si512(from));
}

/// Eight blocks. Each vector of four takes every other lane, so the lanes hold blocks 0, 4, 1, 5,
/// 2, 6, 3, 7.
TZ_IFMA_INLINE Numbers load_blocks(const std::byte* from) {
    const Lanes first = load_words(from);
    const Lanes second = load_words(from + half_bytes / 2);
    const Lanes low = __builtin_shufflevector(first, second, 0, 8, 2, 10, 4, 12, 6, 14);
    const Lanes high = __builtin_shufflevector(first, second, 1, 9, 3, 11, 5, 13, 7, 15);
    return {{low & limb_mask, (low >> 44 | high << 20) & limb_mask, (high >> 24) | whole_block}};
}

TZ_IFMA_INLINE void add_product(Product& sum, int limb, Lanes a, Lanes b) {
    const auto x = reinterpret_cast<__m512i>(a);
    const auto y = reinterpret_cast<__m512i>(b);
    Lanes& low = sum.low[limb];
    Lanes& high = sum.high[limb];
    low = reinterpret_cast<Lanes>(_mm512_madd52lo_epu64(reinterpret_cast<__m512i>(low), x, y));
    high = reinterpret_cast<Lanes>(_mm512_madd52hi_epu64(reinterpret_cast<__m512i>(high), x, y));
}

TZ_IFMA_INLINE void add_product(Product& sum, const Numbers& a, const Factor& b) {
    add_product(sum, 0, a.limb[0], b.limb0);
    add_product(sum, 1, a.limb[0], b.limb1);
    add_product(sum, 2, a.limb[0], b.limb2);

    add_product(sum, 0, a.limb[1], b.wrapped2);
    add_product(sum, 1, a.limb[1], b.limb0);
    add_product(sum, 2, a.limb[1], b.limb1);

    add_product(sum, 0, a.limb[2], b.wrapped1);
    add_product(sum, 1, a.limb[2], b.wrapped2);
    add_product(sum, 2, a.limb[2], b.limb0);
}

/// The limbs but for a few bits too many in the middle one. No sum before passes 2^56: six low
/// halves below 2^52 each, a block, and six high halves below 2^41 each, shifted by at most 10.
TZ_IFMA_INLINE Numbers carry(const Product& sum) {
    constexpr int to_next = product_bits - limb_bits; // a high half in units of the next limb
    constexpr int to_first = product_bits - top_bits;
    const Lanes sum0 = sum.low[0];
    const Lanes sum1 = sum.low[1] + (sum.high[0] << to_next) + (sum0 >> limb_bits);
    const Lanes sum2 = sum.low[2] + (sum.high[1] << to_next) + (sum1 >> limb_bits);
    const Lanes over = (sum.high[2] << to_first) + (sum2 >> top_bits);
    const Lanes limb0 = (sum0 & limb_mask) + over + (over << 2); // 5 * over
    return {{limb0 & limb_mask, (sum1 & limb_mask) + (limb0 >> limb_bits), sum2 & top_mask}};
}

TZ_IFMA_INLINE Number add_lanes(const Numbers& n) {
    Number sum{};
    for (std::size_t lane = 0; lane < lanes; ++lane)
        for (int i = 0; i < 3; ++i)
            sum.limb[i] += n.limb[i][lane];
    return sum;
}

/// The polynomial of whole groups. Each lane takes every eighth block; the last step multiplies the
/// lane of block b by r^(8 - b) and adds the lanes.
TZ_IFMA Number absorb_groups(std::span<const std::byte> groups, const Number& r) {
    Number power[lanes + 1] = {{}, r};
    for (std::size_t i = 2; i <= lanes; ++i)
        power[i] = multiply(power[i - 1], r);
    const Factor r8 = make_factor(power[8]);
    const Factor r16 = make_factor(multiply(power[8], power[8]));

    Numbers sum{};
    for (; !groups.empty(); groups = groups.subspan(group_bytes)) {
        // sum * r^16 + first half * r^8 + second half
        const Numbers second = load_blocks(groups.data() + half_bytes);
        Product next{{second.limb[0], second.limb[1], second.limb[2]}, {}};
        add_product(next, load_blocks(groups.data()), r8);
        add_product(next, sum, r16);
        sum = carry(next);
    }

    constexpr std::size_t block_in_lane[lanes] = {0, 4, 1, 5, 2, 6, 3, 7};
    Numbers falling_powers{};
    for (std::size_t lane = 0; lane < lanes; ++lane)
        for (int i = 0; i < 3; ++i)
            falling_powers.limb[i][lane] = power[lanes - block_in_lane[lane]].limb[i];
    Product last{};
    add_product(last, sum, make_factor(falling_powers));
    return add_lanes(carry(last));
}

/// (sum + block) * r
Number absorb(const Number& sum, const std::byte* block, std::uint64_t bit_above, const Number& r) {
    const Number added = split(load_word(block), load_word(block + 8));
    return multiply(
        {{sum.limb[0] + added.limb[0],
          sum.limb[1] + added.limb[1],
          sum.limb[2] + added.limb[2] + bit_above}},
        r);
}

Number absorb_rest(Number sum, std::span<const std::byte> rest, const Number& r) {
    for (; rest.size() >= block_bytes; rest = rest.subspan(block_bytes))
        sum = absorb(sum, rest.data(), whole_block, r);
    if (rest.empty())
        return sum;
    std::byte last[block_bytes]{};
    std::memcpy(last, rest.data(), rest.size());
    last[rest.size()] = std::byte{1};
    return absorb(sum, last, 0, r);
}

/// Below p, and every limb within its bits. Without branches: the number is as secret as the key.
Number reduce(Number n) {
    auto& [limb0, limb1, limb2] = n.limb;
    for (int i = 0; i < 2; ++i) { // the second round takes what the first one's 5 * top carries on
        limb1 += limb0 >> limb_bits;
        limb0 &= limb_mask;
        limb2 += limb1 >> limb_bits;
        limb1 &= limb_mask;
        limb0 += 5 * (limb2 >> top_bits);
        limb2 &= top_mask;
    }
    // n >= p exactly if n + 5 reaches 2^130; then n - p is what stands below
    const std::uint64_t less0 = limb0 + 5;
    const std::uint64_t less1 = limb1 + (less0 >> limb_bits);
    const std::uint64_t less2 = limb2 + (less1 >> limb_bits);
    const std::uint64_t take = 0 - (less2 >> top_bits);
    return {
        {(limb0 & ~take) | (less0 & limb_mask & take),
         (limb1 & ~take) | (less1 & limb_mask & take),
         (limb2 & ~take) | (less2 & top_mask & take)}};
}

/// n + the key's second half, modulo 2^128
Tag finish(const Number& n, std::span<const std::byte> pad) {
    const auto& [limb0, limb1, limb2] = n.limb;
    const Wide low = Wide(limb0 | limb1 << 44) + load_word(pad.data());
    const std::uint64_t words[] = {
        static_cast<std::uint64_t>(low),
        (limb1 >> 20 | limb2 << 24) + load_word(pad.data() + 8) +
            static_cast<std::uint64_t>(low >> 64)};
    Tag tag;
    std::memcpy(tag.data(), words, tag.size());
    return tag;
}

} // namespace

bool available() {
    // both ask for the system's support too
    static const bool found =
        __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512ifma");
    return found;
}

__attribute__((noinline)) Tag
authenticate(std::span<const std::byte> message, std::span<const std::byte, key_bytes> key) {
    const Number r = split(
        load_word(key.data()) & 0x0ffffffc0fffffff, load_word(key.data() + 8) & 0x0ffffffc0ffffffc);
    const std::size_t in_groups = message.size() - message.size() % group_bytes;
    Number sum{};
    if (in_groups > 0)
        sum = absorb_groups(message.first(in_groups), r);
    sum = absorb_rest(sum, message.subspan(in_groups), r);
    return finish(reduce(sum), key.last(16));
}

} // namespace tz::format::poly1305_ifma

#else // every other architecture

#include <cstdlib>

namespace tz::format::poly1305_ifma {

bool available() {
    return false;
}

Tag authenticate(std::span<const std::byte>, std::span<const std::byte, key_bytes>) {
    std::abort();
}

} // namespace tz::format::poly1305_ifma

#endif
