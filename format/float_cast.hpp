// Floating-point elements as another floating-point type, rounded to the nearest, ties to even, as
// torch does it. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace tz::format {

enum class FloatType : std::uint8_t { float16, bfloat16, float32, float64 };

/// By torch's name: "bfloat16". Nothing for other types: those of 8 bits and less mean what the
/// scales beside them say.
std::optional<FloatType> float_type(std::string_view name);

std::string_view name_of(FloatType type);

std::uint32_t bytes_of(FloatType type);

/// Writes each element of `from` to `to`, which has room for as many of its type, and is the same
/// memory only where its elements are not larger. Whole elements. What is too large becomes
/// infinite; NaNs stay NaNs. From float64 to a type of 16 bits it goes by way of float32, as torch
/// does.
void cast_floats(
    FloatType from_type,
    std::span<const std::byte> from,
    FloatType to_type,
    std::span<std::byte> to);

} // namespace tz::format
