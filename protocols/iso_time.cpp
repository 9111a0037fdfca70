#include <tz/protocols/iso_time.hpp>

#include <algorithm>

namespace tz {

namespace {

/// The clock counts nanoseconds, so it ends in 2262; "9999-12-31" is what some write for never.
std::chrono::system_clock::time_point clamped(std::chrono::sys_seconds time) {
    using namespace std::chrono;
    using Clock = system_clock::time_point;
    constexpr auto first = time_point_cast<seconds>(Clock::min());
    constexpr auto last = time_point_cast<seconds>(Clock::max());
    return std::clamp(time, first, last);
}

} // namespace

std::optional<std::chrono::system_clock::time_point> parse_time(std::string_view text) {
    using namespace std::chrono;
    // "2026-11-25T22:02:51"
    static constexpr std::string_view form = "0000-00-00T00:00:00";
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    const auto fits = [&](std::string_view part, std::string_view wanted) {
        return part.size() >= wanted.size() &&
               std::ranges::equal(part.substr(0, wanted.size()), wanted, [&](char c, char f) {
                   return f == '0' ? digit(c) : c == f;
               });
    };
    if (!fits(text, form))
        return {};
    const auto number = [&](std::size_t at, std::size_t size) {
        int value = 0;
        for (const char c : text.substr(at, size))
            value = value * 10 + (c - '0');
        return value;
    };
    const year_month_day date{
        year(number(0, 4)),
        month(static_cast<unsigned>(number(5, 2))),
        day(static_cast<unsigned>(number(8, 2)))};
    const int hour = number(11, 2), minute = number(14, 2), second = number(17, 2);
    if (!date.ok() || hour > 23 || minute > 59 || second > 60)
        return {};
    sys_seconds time = sys_days(date) + hours(hour) + minutes(minute) + seconds(second);
    std::string_view rest = text.substr(form.size());
    if (rest.starts_with('.'))
        rest.remove_prefix(std::min(rest.find_first_not_of("0123456789", 1), rest.size()));
    if (rest == "Z")
        return clamped(time);
    const bool west = rest.starts_with('-');
    if (rest.size() != 6 || !(fits(rest.substr(1), "00:00") && (west || rest[0] == '+')))
        return {};
    const std::size_t at = text.size() - rest.size();
    const auto offset = hours(number(at + 1, 2)) + minutes(number(at + 4, 2));
    return clamped(west ? time + offset : time - offset);
}

} // namespace tz
