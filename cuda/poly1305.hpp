// Numbers modulo 2^130 - 5, which Poly1305 counts in. The same code runs on devices and on the
// host.
#pragma once

#include <tz/cuda/both.hpp>

#include <cstdint>

namespace tz::cuda {

/// Five limbs of 26 bits; each may be a little larger between operations.
struct Residue {
    std::uint32_t limb[5];
};

inline constexpr std::uint32_t limb_mask = (1u << 26) - 1;

/// Carries `sum`, whose limbs are below 2^63, back to limbs.
TZ_BOTH inline Residue carried(const std::uint64_t (&sum)[5]) {
    Residue result{};
    std::uint64_t carry = 0;
    for (int i = 0; i < 5; ++i) {
        const std::uint64_t limb = sum[i] + carry;
        result.limb[i] = static_cast<std::uint32_t>(limb) & limb_mask;
        carry = limb >> 26;
    }
    // 2^130 is 5
    const std::uint64_t low = result.limb[0] + 5 * carry;
    result.limb[0] = static_cast<std::uint32_t>(low) & limb_mask;
    result.limb[1] += static_cast<std::uint32_t>(low >> 26);
    return result;
}

TZ_BOTH inline Residue operator+(const Residue& a, const Residue& b) {
    std::uint64_t sum[5];
    for (int i = 0; i < 5; ++i)
        sum[i] = std::uint64_t{a.limb[i]} + b.limb[i];
    return carried(sum);
}

/// A number to multiply by, and five times it, since 2^130 is 5.
struct Factor {
    std::uint32_t limb[5];
    std::uint32_t five[5];
};

TZ_BOTH inline Factor factor(const Residue& number) {
    Factor result{};
    for (int i = 0; i < 5; ++i) {
        result.limb[i] = number.limb[i];
        result.five[i] = 5 * number.limb[i];
    }
    return result;
}

/// Adds the product to limbs that are not carried yet. Each grows by less than 2^57, so they take
/// 64 products.
TZ_BOTH inline void add_product(std::uint64_t (&sum)[5], const Residue& a, const Factor& b) {
    for (int i = 0; i < 5; ++i)
        for (int j = 0; j < 5; ++j)
            sum[i] += std::uint64_t{a.limb[j]} * (j <= i ? b.limb[i - j] : b.five[i - j + 5]);
}

TZ_BOTH inline Residue operator*(const Residue& a, const Residue& b) {
    std::uint64_t sum[5] = {};
    add_product(sum, a, factor(b));
    return carried(sum);
}

/// `base` to the power of `exponent`.
TZ_BOTH inline Residue power(Residue base, std::uint32_t exponent) {
    Residue result{{1, 0, 0, 0, 0}};
    for (; exponent > 0; exponent >>= 1) {
        if (exponent & 1)
            result = result * base;
        base = base * base;
    }
    return result;
}

/// 128 bits in little-endian words, and `top` more times 2^128.
TZ_BOTH inline Residue residue(const std::uint32_t (&word)[4], std::uint32_t top) {
    return {
        {word[0] & limb_mask,
         ((word[0] >> 26) | (word[1] << 6)) & limb_mask,
         ((word[1] >> 20) | (word[2] << 12)) & limb_mask,
         ((word[2] >> 14) | (word[3] << 18)) & limb_mask,
         (word[3] >> 8) | (top << 24)}};
}

/// The factor that Poly1305 makes of the first half of its key.
TZ_BOTH inline Residue clamped(const std::uint32_t (&key)[4]) {
    const std::uint32_t word[4] = {
        key[0] & 0x0fffffff, key[1] & 0x0ffffffc, key[2] & 0x0ffffffc, key[3] & 0x0ffffffc};
    return residue(word, 0);
}

/// The tag: the number itself, below 2^130 - 5, and the second half of the key, modulo 2^128.
TZ_BOTH inline void
tag_of(const Residue& sum, const std::uint32_t (&pad)[4], std::uint32_t (&tag)[4]) {
    const std::uint64_t zero[5] = {sum.limb[0], sum.limb[1], sum.limb[2], sum.limb[3], sum.limb[4]};
    const Residue once = carried(zero);
    const std::uint64_t again[5] = {
        once.limb[0], once.limb[1], once.limb[2], once.limb[3], once.limb[4]};
    const Residue value = carried(again);
    // less 2^130 - 5 where that is no less than nothing
    Residue less{};
    std::uint32_t carry = 5;
    for (int i = 0; i < 5; ++i) {
        const std::uint32_t limb = value.limb[i] + carry;
        less.limb[i] = limb & limb_mask;
        carry = limb >> 26;
    }
    const std::uint32_t take = 0u - carry; // all ones where it was
    std::uint32_t limb[5];
    for (int i = 0; i < 5; ++i)
        limb[i] = (less.limb[i] & take) | (value.limb[i] & ~take);
    const std::uint32_t word[4] = {
        limb[0] | (limb[1] << 26),
        (limb[1] >> 6) | (limb[2] << 20),
        (limb[2] >> 12) | (limb[3] << 14),
        (limb[3] >> 18) | (limb[4] << 8)};
    std::uint64_t sum32 = 0;
    for (int i = 0; i < 4; ++i) {
        sum32 += std::uint64_t{word[i]} + pad[i];
        tag[i] = static_cast<std::uint32_t>(sum32);
        sum32 >>= 32;
    }
}

} // namespace tz::cuda
