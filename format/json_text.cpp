#include <tz/format/json_text.hpp>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>
#include <system_error>

namespace tz::format {

namespace {

constexpr std::uint64_t ones = 0x0101010101010101;
constexpr std::uint64_t high_bits = 0x8080808080808080;

bool special(char c) {
    return c == '"' || c == '\\' || static_cast<unsigned char>(c) < ' ';
}

/// The high bit of each byte that is zero; of bytes above the first such one perhaps too.
std::uint64_t zero_bytes(std::uint64_t word) {
    return (word - ones) & ~word & high_bits;
}

/// The high bit of each special byte, the first for certain.
std::uint64_t special_bytes(std::uint64_t word) {
    const std::uint64_t control = (word - ones * ' ') & ~word & high_bits;
    return control | zero_bytes(word ^ (ones * '"')) | zero_bytes(word ^ (ones * '\\'));
}

/// Four hex digits.
std::optional<std::uint32_t> take_unit(std::string_view& text) {
    constexpr std::size_t digits = 4;
    std::uint32_t unit = 0;
    if (text.size() < digits)
        return {};
    const std::string_view hex = text.substr(0, digits);
    const auto [stop, failure] = std::from_chars(hex.data(), hex.data() + hex.size(), unit, 16);
    if (failure != std::errc() || stop != hex.data() + hex.size())
        return {};
    text.remove_prefix(digits);
    return unit;
}

/// What stands behind `\u`: one UTF-16 unit, or a pair of them with another `\u` between.
std::optional<std::uint32_t> take_character(std::string_view& text) {
    const auto first = take_unit(text);
    if (!first || *first < 0xd800 || *first > 0xdfff)
        return first;
    if (*first > 0xdbff || !text.starts_with("\\u"))
        return {};
    text.remove_prefix(2);
    const auto second = take_unit(text);
    if (!second || *second < 0xdc00 || *second > 0xdfff)
        return {};
    return 0x10000 + ((*first - 0xd800) << 10) + (*second - 0xdc00);
}

void append_utf8(std::uint32_t character, char*& out) {
    const auto tail = [&](int shift) {
        *out++ = static_cast<char>(0x80 | ((character >> shift) & 0x3f));
    };
    if (character < 0x80) {
        *out++ = static_cast<char>(character);
    } else if (character < 0x800) {
        *out++ = static_cast<char>(0xc0 | (character >> 6));
        tail(0);
    } else if (character < 0x10000) {
        *out++ = static_cast<char>(0xe0 | (character >> 12));
        tail(6);
        tail(0);
    } else {
        *out++ = static_cast<char>(0xf0 | (character >> 18));
        tail(12);
        tail(6);
        tail(0);
    }
}

bool take_digits(std::string_view& text) {
    std::size_t count = 0;
    while (count < text.size() && text[count] >= '0' && text[count] <= '9')
        ++count;
    text.remove_prefix(count);
    return count > 0;
}

bool take(std::string_view& text, char c) {
    if (!text.starts_with(c))
        return false;
    text.remove_prefix(1);
    return true;
}

} // namespace

const char* find_special(const char* begin, const char* end, bool& ascii) {
    static_assert(std::endian::native == std::endian::little);
    while (static_cast<std::size_t>(end - begin) >= sizeof(std::uint64_t)) {
        std::uint64_t word = 0;
        std::memcpy(&word, begin, sizeof word);
        const std::uint64_t found = special_bytes(word);
        const int before = found == 0 ? 64 : std::countr_zero(found) - 7; // bits
        const std::uint64_t kept = before == 64 ? word : word & ((1ull << before) - 1);
        ascii &= (kept & high_bits) == 0;
        begin += before / 8;
        if (found != 0)
            return begin;
    }
    for (; begin != end && !special(*begin); ++begin)
        ascii &= static_cast<unsigned char>(*begin) < 0x80;
    return begin;
}

bool decode_escape(std::string_view& text, char*& out) {
    constexpr std::string_view letters = "\"\\/bfnrt";
    constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    const char letter = text[1];
    text.remove_prefix(2);
    if (letter == 'u') {
        const auto character = take_character(text);
        if (character)
            append_utf8(*character, out);
        return character.has_value();
    }
    const std::size_t which = letters.find(letter);
    if (which == letters.npos)
        return false;
    *out++ = meanings[which];
    return true;
}

std::size_t number_length(std::string_view text) {
    const std::size_t all = text.size();
    take(text, '-');
    if (!take(text, '0') && !take_digits(text))
        return 0;
    if (take(text, '.') && !take_digits(text))
        return 0;
    if (take(text, 'e') || take(text, 'E')) {
        if (!take(text, '+'))
            take(text, '-');
        if (!take_digits(text))
            return 0;
    }
    return all - text.size();
}

bool beyond_double(std::string_view number) {
    // a reader that rounds twice takes what is a little below the largest one for more
    constexpr double largest = 1.797693134862315e308;
    double value = 0;
    const auto read = std::from_chars(number.data(), number.data() + number.size(), value);
    if (read.ec != std::errc::result_out_of_range)
        return std::abs(value) >= largest;
    // too large or too small, so not zero: the decimal exponent of its first digit says which
    const std::size_t e = std::min(number.find_first_of("eE"), number.size());
    const std::string_view digits = number.substr(0, e);
    const std::size_t first = digits.find_first_of("123456789");
    const std::size_t point = std::min(digits.find('.'), digits.size());
    std::string_view power = number.substr(std::min(e + 1, number.size()));
    if (power.starts_with('+'))
        power.remove_prefix(1);
    std::int64_t exponent = 0;
    const auto end = std::from_chars(power.data(), power.data() + power.size(), exponent);
    if (end.ec == std::errc::result_out_of_range)
        return !power.starts_with('-');
    return exponent > static_cast<std::int64_t>(first) - static_cast<std::int64_t>(point);
}

} // namespace tz::format
