#include <tz/format/error.hpp>
#include <tz/tools/units.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>
#include <optional>

namespace tz::cli {

namespace {

constexpr std::size_t fraction_digits_max = 9;

// A decimal number without rounding: whole + fraction / scale.
struct Decimal {
    std::uint64_t whole = 0;
    std::uint64_t fraction = 0;
    std::uint64_t scale = 1;

    // In units of `unit`, cut off to a whole number.
    std::optional<std::uint64_t> times(std::uint64_t unit) const {
        using Wide = unsigned __int128;
        const Wide value = Wide{whole} * unit + Wide{fraction} * unit / scale;
        if (value > std::numeric_limits<std::uint64_t>::max())
            return {};
        return static_cast<std::uint64_t>(value);
    }
};

bool digit(char c) {
    return c >= '0' && c <= '9';
}

std::string_view take_digits(std::string_view& text) {
    const auto end = std::find_if_not(text.begin(), text.end(), digit);
    const auto digits = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(digits.size());
    return digits;
}

std::optional<std::uint64_t> number(std::string_view digits) {
    std::uint64_t value = 0;
    for (const char c : digits) {
        const auto next = static_cast<std::uint64_t>(c - '0');
        if (value > (std::numeric_limits<std::uint64_t>::max() - next) / 10)
            return {};
        value = value * 10 + next;
    }
    return value;
}

// Takes a number off the front of `text`.
std::optional<Decimal> take_decimal(std::string_view& text) {
    const auto digits = take_digits(text);
    const auto whole = number(digits);
    if (digits.empty() || !whole)
        return {};
    Decimal decimal{.whole = *whole};
    if (!text.starts_with('.'))
        return decimal;
    text.remove_prefix(1);
    const auto fraction = take_digits(text);
    const auto numerator = number(fraction);
    if (fraction.empty() || fraction.size() > fraction_digits_max || !numerator)
        return {};
    decimal.fraction = *numerator;
    for (std::size_t i = 0; i < fraction.size(); ++i)
        decimal.scale *= 10;
    return decimal;
}

// What is left after the number: blanks, then the unit, in lower case.
std::string unit_of(std::string_view text) {
    while (text.starts_with(' '))
        text.remove_prefix(1);
    std::string unit(text);
    std::transform(unit.begin(), unit.end(), unit.begin(), [](unsigned char c) {
        return static_cast<char>(std::tolower(c));
    });
    return unit;
}

std::optional<std::uint64_t> size_unit(std::string_view unit) {
    if (unit.empty() || unit == "b")
        return 1;
    const auto power = std::string_view("kmgtp").find(unit.front());
    if (power == std::string_view::npos)
        return {};
    const std::string_view rest = unit.substr(1);
    const bool binary = rest.empty() || rest == "i" || rest == "ib";
    if (!binary && rest != "b")
        return {};
    std::uint64_t value = 1;
    for (std::size_t i = 0; i <= power; ++i)
        value *= binary ? 1024 : 1000;
    return value;
}

std::optional<std::uint64_t> nanoseconds_of(std::string_view unit) {
    if (unit == "ms")
        return 1'000'000;
    if (unit.empty() || unit == "s")
        return 1'000'000'000;
    if (unit == "m" || unit == "min")
        return 60'000'000'000;
    if (unit == "h")
        return 3'600'000'000'000;
    return {};
}

[[noreturn]] void refuse(std::string_view text, const char* what, const char* hint) {
    throw Error(errc::usage, fmt::format("'{}' is no {}", printable(text), what), {}, hint);
}

} // namespace

std::uint64_t parse_size(std::string_view text) {
    constexpr const char* hint = "write sizes as 8388608, 8MiB, 1.5GiB or 2GB";
    std::string_view rest = text;
    const auto decimal = take_decimal(rest);
    const auto unit = size_unit(unit_of(rest));
    if (!decimal || !unit || (*unit == 1 && decimal->scale != 1))
        refuse(text, "size", hint);
    const auto bytes = decimal->times(*unit);
    if (!bytes)
        refuse(text, "size that 64 bits can hold", hint);
    return *bytes;
}

unsigned parse_number(std::string_view text) {
    constexpr std::size_t digits_max = 9;
    const auto count = std::ranges::all_of(text, digit) ? number(text) : std::nullopt;
    if (text.empty() || text.size() > digits_max || !count)
        throw Error(errc::usage, fmt::format("'{}' is no number", printable(text)));
    return static_cast<unsigned>(*count);
}

std::chrono::nanoseconds parse_duration(std::string_view text) {
    constexpr const char* hint = "write durations as 30, 30s, 500ms or 2m";
    std::string_view rest = text;
    const auto decimal = take_decimal(rest);
    const auto unit = nanoseconds_of(unit_of(rest));
    if (!decimal || !unit)
        refuse(text, "duration", hint);
    const auto count = decimal->times(*unit);
    // a deadline is added to the time of now, which must not overflow
    if (!count || *count > std::numeric_limits<std::int64_t>::max() / 4)
        refuse(text, "duration of less than 70 years", hint);
    if (*count == 0)
        refuse(text, "duration above zero", hint);
    return std::chrono::nanoseconds(*count);
}

std::string size_text(std::uint64_t bytes) {
    constexpr std::array units{"KiB", "MiB", "GiB", "TiB"};
    if (bytes < 1024)
        return fmt::format("{} B", bytes);
    double value = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    // 1023.95 would be written as 1024.0
    for (; value >= 1023.95 && unit + 1 < units.size(); ++unit)
        value /= 1024;
    return fmt::format("{:.1f} {}", value, units[unit]);
}

double gb_per_s(std::uint64_t bytes, double seconds) {
    return seconds > 0 ? static_cast<double>(bytes) / seconds / 1e9 : 0;
}

std::string rate_text(std::uint64_t bytes, double seconds) {
    return fmt::format("{:.2f} GB/s", gb_per_s(bytes, seconds));
}

} // namespace tz::cli
