// Little-endian fields appended to a growing byte string: the writing twin of Cursor.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace tz::format {

/// Builds a byte string field by field.
class Appender {
public:
    void reserve(std::size_t bytes) { bytes_.reserve(bytes); }

    std::size_t size() const { return bytes_.size(); }

    /// Appends an integer of exactly the type T.
    template <std::unsigned_integral T>
    void integer(std::type_identity_t<T> value) {
        for (std::size_t i = 0; i < sizeof(T); ++i)
            bytes_.push_back(static_cast<std::byte>(value >> (8 * i)));
    }

    void bytes(std::span<const std::byte> value) {
        const std::size_t start = bytes_.size();
        bytes_.resize(start + value.size());
        std::copy(value.begin(), value.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(start));
    }

    void text(std::string_view value) {
        bytes(std::as_bytes(std::span(value.data(), value.size())));
    }

    void zeros(std::uint64_t count) { bytes_.resize(bytes_.size() + count); }

    std::vector<std::byte> finish() { return std::move(bytes_); }

private:
    std::vector<std::byte> bytes_;
};

} // namespace tz::format
