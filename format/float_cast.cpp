#include <tz/format/float_cast.hpp>

#include <array>
#include <bit>
#include <cassert>
#include <cstring>
#include <utility>

namespace tz::format {

namespace {

constexpr std::array<std::pair<std::string_view, FloatType>, 4> names{{
    {"float16", FloatType::float16},
    {"bfloat16", FloatType::bfloat16},
    {"float32", FloatType::float32},
    {"float64", FloatType::float64},
}};

/// IEEE 754 binary16, as it is stored.
struct Half {
    std::uint16_t bits;
};

/// The upper half of a binary32, as it is stored.
struct Brain {
    std::uint16_t bits;
};

float widen(Brain value) {
    return std::bit_cast<float>(std::uint32_t{value.bits} << 16);
}

float widen(Half value) {
    const std::uint32_t sign = std::uint32_t{value.bits & 0x8000u} << 16;
    const std::uint32_t exponent = (value.bits >> 10) & 0x1fu;
    const std::uint32_t fraction = value.bits & 0x3ffu;
    if (exponent == 0x1f) // infinite or NaN
        return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);
    if (exponent == 0) { // zero or subnormal: a multiple of 2^-24
        const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
        return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(magnitude));
    }
    return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
}

float widen(float value) {
    return value;
}

float widen(double value) {
    return static_cast<float>(value);
}

void narrow(float value, Brain& to) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    // the carry of a rounded NaN would make another number of it
    const bool nan = (bits & 0x7fffffffu) > 0x7f800000u;
    to.bits = static_cast<std::uint16_t>(nan ? bits >> 16 | 0x40u : rounded);
}

void narrow(float value, Half& to) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t sign = (bits >> 16) & 0x8000u;
    const std::uint32_t magnitude = bits & 0x7fffffffu;
    std::uint32_t half = 0;
    if (magnitude > 0x7f800000u) { // NaN
        half = 0x7e00u | ((magnitude >> 13) & 0x1ffu);
    } else if (magnitude >= 0x47800000u) { // 2^16 and more, infinity
        half = 0x7c00u;
    } else if (magnitude < 0x38800000u) { // subnormal: the sum rounds it to a multiple of 2^-24
        const float sum = std::bit_cast<float>(magnitude) + 0.5F;
        half = std::bit_cast<std::uint32_t>(sum) - std::bit_cast<std::uint32_t>(0.5F);
    } else {
        const std::uint32_t biased = magnitude - (112u << 23);
        half = (biased + 0xfffu + ((biased >> 13) & 1u)) >> 13;
    }
    to.bits = static_cast<std::uint16_t>(sign | half);
}

void narrow(float value, float& to) {
    to = value;
}

template <typename From, typename To>
void cast(std::span<const std::byte> from, std::span<std::byte> to) {
    const std::size_t count = from.size() / sizeof(From);
    for (std::size_t i = 0; i < count; ++i) { // elements lie at any address
        From element;
        std::memcpy(&element, from.data() + i * sizeof(From), sizeof(From));
        To result;
        if constexpr (std::is_same_v<To, double>) {
            if constexpr (std::is_same_v<From, double>)
                result = element;
            else
                result = widen(element);
        } else {
            narrow(widen(element), result);
        }
        std::memcpy(to.data() + i * sizeof(To), &result, sizeof(To));
    }
}

template <typename From>
void cast_to(FloatType type, std::span<const std::byte> from, std::span<std::byte> to) {
    switch (type) {
    case FloatType::float16:
        return cast<From, Half>(from, to);
    case FloatType::bfloat16:
        return cast<From, Brain>(from, to);
    case FloatType::float32:
        return cast<From, float>(from, to);
    case FloatType::float64:
        return cast<From, double>(from, to);
    }
}

} // namespace

std::optional<FloatType> float_type(std::string_view name) {
    for (const auto& [known, type] : names)
        if (known == name)
            return type;
    return {};
}

std::string_view name_of(FloatType type) {
    for (const auto& [name, known] : names)
        if (known == type)
            return name;
    return {};
}

std::uint32_t bytes_of(FloatType type) {
    switch (type) {
    case FloatType::float16:
    case FloatType::bfloat16:
        return 2;
    case FloatType::float32:
        return 4;
    case FloatType::float64:
        return 8;
    }
    return 0;
}

void cast_floats(
    FloatType from_type,
    std::span<const std::byte> from,
    FloatType to_type,
    std::span<std::byte> to) {
    assert(from.size() / bytes_of(from_type) == to.size() / bytes_of(to_type));
    switch (from_type) {
    case FloatType::float16:
        return cast_to<Half>(to_type, from, to);
    case FloatType::bfloat16:
        return cast_to<Brain>(to_type, from, to);
    case FloatType::float32:
        return cast_to<float>(to_type, from, to);
    case FloatType::float64:
        return cast_to<double>(to_type, from, to);
    }
}

} // namespace tz::format
