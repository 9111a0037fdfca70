// Byte strings in tests, and what they expect of errors.
#pragma once

#include <tz/format/error.hpp>

#include <gtest/gtest.h>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tz::test {

using Bytes = std::vector<std::byte>;

/// Hex digits, with blanks anywhere.
inline Bytes from_hex(std::string_view text) {
    std::string digits;
    for (const char c : text)
        if (c != ' ')
            digits += c;
    Bytes bytes;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
        bytes.push_back(static_cast<std::byte>(std::stoi(digits.substr(i, 2), nullptr, 16)));
    return bytes;
}

inline Bytes from_text(std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
    return {bytes.begin(), bytes.end()};
}

inline Bytes random_bytes(std::size_t count, unsigned seed) {
    std::mt19937 random(seed);
    Bytes bytes(count);
    for (std::byte& byte : bytes)
        byte = static_cast<std::byte>(random());
    return bytes;
}

/// `count` bytes that count up from `first`.
inline Bytes counting(std::size_t count, unsigned first = 0) {
    Bytes bytes(count);
    for (std::size_t i = 0; i < count; ++i)
        bytes[i] = static_cast<std::byte>(first + i);
    return bytes;
}

template <std::size_t N>
std::array<std::byte, N> counting_array(unsigned first = 0) {
    std::array<std::byte, N> bytes;
    for (std::size_t i = 0; i < N; ++i)
        bytes[i] = static_cast<std::byte>(first + i);
    return bytes;
}

/// Overwrites a little-endian integer.
template <std::unsigned_integral T>
void put(Bytes& bytes, std::size_t at, std::type_identity_t<T> value) {
    for (std::size_t i = 0; i < sizeof(T); ++i)
        bytes.at(at + i) = static_cast<std::byte>(value >> (8 * i));
}

template <std::unsigned_integral T>
T get(const Bytes& bytes, std::size_t at) {
    T value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
        value = static_cast<T>(value | T(std::to_integer<T>(bytes.at(at + i))) << (8 * i));
    return value;
}

inline void put_text(Bytes& bytes, std::size_t at, std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i)
        bytes.at(at + i) = static_cast<std::byte>(text[i]);
}

inline Bytes slice(const Bytes& bytes, std::size_t at, std::size_t count) {
    const auto part = std::span(bytes).subspan(at, count);
    return {part.begin(), part.end()};
}

/// Expects a `tz::Error` of this kind whose text holds `text`.
template <typename Action>
void expect_error(errc kind, std::string_view text, Action&& action) {
    try {
        action();
        ADD_FAILURE() << "no error";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), kind) << error.what();
        EXPECT_NE(std::string_view(error.what()).find(text), std::string_view::npos)
            << error.what();
    }
}

/// The same for errors in a file's bytes, which say where they are and what to do.
template <typename Action>
void expect_file_error(errc kind, std::string_view text, Action&& action) {
    expect_error(kind, text, [&] {
        try {
            action();
        } catch (const Error& error) {
            EXPECT_TRUE(error.offset()) << error.what();
            EXPECT_FALSE(error.hint().empty()) << error.what();
            throw;
        }
    });
}

} // namespace tz::test
