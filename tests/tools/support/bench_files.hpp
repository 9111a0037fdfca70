// The tensors that tests of tz-bench load: write_tensors(path, tensor_bytes).
#pragma once

#include <tz/format/hash.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tz::test {

inline constexpr std::size_t tensor_bytes = 3'000'000;

/// CRC-32 of them all, in order of names.
inline std::uint32_t contents_crc32() {
    std::vector<std::byte> bytes(12, std::byte{1});
    for (std::size_t i = 0; i < tensor_bytes; ++i)
        bytes.push_back(static_cast<std::byte>(i * 7 + i / 251));
    return format::crc32(bytes);
}

} // namespace tz::test
