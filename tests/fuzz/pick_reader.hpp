// Inputs of which the first byte picks what reads the rest, a text.
#pragma once

#include "memory_bound.hpp"
#include <tz/format/error.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tz::test {

using Reader = void (*)(std::string_view text);

/// In the memory that the input allows; `look_at` what a reader throws. Nothing reads an empty one.
inline void read_by_first_byte(
    std::span<const std::uint8_t> input,
    std::span<const Reader> readers,
    void (*look_at)(const Error& error)) {
    if (input.empty())
        return;
    const std::string_view text(reinterpret_cast<const char*>(input.data() + 1), input.size() - 1);
    const MemoryBound bound(input.size());
    try {
        readers[input[0] % readers.size()](text);
    } catch (const Error& error) {
        look_at(error);
    }
}

} // namespace tz::test
