#include <tz/protocols/http_date.hpp>

#include <array>
#include <cassert>
#include <cstdio>

namespace tz {

namespace {

using namespace std::chrono;

constexpr std::array<std::string_view, 7> days{
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> months{
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/// Takes a date apart from the left. After the first piece that doesn't fit it stays failed.
class Scan {
public:
    explicit Scan(std::string_view text) : rest_(text) {}

    bool done() const { return good_ && rest_.empty(); }

    void literal(std::string_view expected) {
        good_ = good_ && rest_.starts_with(expected);
        if (good_)
            rest_.remove_prefix(expected.size());
    }

    int digits(std::size_t count) {
        int value = 0;
        for (; good_ && count > 0; --count) {
            good_ = !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9';
            if (!good_)
                break;
            value = value * 10 + (rest_.front() - '0');
            rest_.remove_prefix(1);
        }
        return value;
    }

    /// The day of the month in asctime's form: two digits, or a space and one.
    int padded_day() {
        if (good_ && rest_.starts_with(' ')) {
            rest_.remove_prefix(1);
            return digits(1);
        }
        return digits(2);
    }

    /// Which of `names`, of each `length` letters only (0: all).
    template <std::size_t Count>
    unsigned name(const std::array<std::string_view, Count>& names, std::size_t length) {
        for (unsigned i = 0; good_ && i < Count; ++i) {
            const auto name = length == 0 ? names[i] : names[i].substr(0, length);
            if (rest_.starts_with(name)) {
                rest_.remove_prefix(name.size());
                return i;
            }
        }
        good_ = false;
        return 0;
    }

private:
    std::string_view rest_;
    bool good_ = true;
};

struct Fields {
    unsigned weekday = 0;
    int year = 0;
    unsigned month = 0; ///< from 0
    int day = 0;
    int hour = 0, minute = 0, second = 0;
};

void scan_time(Scan& scan, Fields& fields) {
    fields.hour = scan.digits(2);
    scan.literal(":");
    fields.minute = scan.digits(2);
    scan.literal(":");
    fields.second = scan.digits(2);
}

/// Nothing where there is no such moment. A leap second counts as the one after it.
std::optional<HttpTime> moment(const Fields& fields) {
    const year_month_day date(
        year(fields.year),
        month(fields.month + 1),
        std::chrono::day(static_cast<unsigned>(fields.day)));
    const bool time_exists = fields.hour < 24 && fields.minute < 60 && fields.second <= 60;
    if (!date.ok() || !time_exists)
        return {};
    const sys_days midnight(date);
    if (std::chrono::weekday(midnight).c_encoding() != fields.weekday)
        return {};
    return midnight + hours(fields.hour) + minutes(fields.minute) + seconds(fields.second);
}

std::optional<HttpTime> parse_fixed(std::string_view text) {
    Scan scan(text);
    Fields fields;
    fields.weekday = scan.name(days, 3);
    scan.literal(", ");
    fields.day = scan.digits(2);
    scan.literal(" ");
    fields.month = scan.name(months, 0);
    scan.literal(" ");
    fields.year = scan.digits(4);
    scan.literal(" ");
    scan_time(scan, fields);
    scan.literal(" GMT");
    return scan.done() ? moment(fields) : std::nullopt;
}

std::optional<HttpTime> parse_asctime(std::string_view text) {
    Scan scan(text);
    Fields fields;
    fields.weekday = scan.name(days, 3);
    scan.literal(" ");
    fields.month = scan.name(months, 0);
    scan.literal(" ");
    fields.day = scan.padded_day();
    scan.literal(" ");
    scan_time(scan, fields);
    scan.literal(" ");
    fields.year = scan.digits(4);
    return scan.done() ? moment(fields) : std::nullopt;
}

std::optional<HttpTime> parse_rfc850(std::string_view text, HttpTime now) {
    Scan scan(text);
    Fields fields;
    fields.weekday = scan.name(days, 0);
    scan.literal(", ");
    fields.day = scan.digits(2);
    scan.literal("-");
    fields.month = scan.name(months, 0);
    scan.literal("-");
    const int two_digits = scan.digits(2);
    scan.literal(" ");
    scan_time(scan, fields);
    scan.literal(" GMT");
    if (!scan.done())
        return {};
    const int this_year = static_cast<int>(year_month_day(floor<std::chrono::days>(now)).year());
    // the latest year with these digits that isn't more than 50 ahead
    fields.year = this_year + 50;
    fields.year -= ((fields.year - two_digits) % 100 + 100) % 100;
    return moment(fields);
}

} // namespace

std::optional<HttpTime> parse_http_date(std::string_view text, HttpTime now) {
    if (const auto time = parse_fixed(text))
        return time;
    if (const auto time = parse_asctime(text))
        return time;
    return parse_rfc850(text, now);
}

std::string http_date(HttpTime time) {
    const auto midnight = floor<std::chrono::days>(time);
    const year_month_day date(midnight);
    const hh_mm_ss clock(time - midnight);
    const int year = static_cast<int>(date.year());
    assert(year >= 0 && year <= 9999);
    char text[64];
    const int length = std::snprintf(
        text,
        sizeof text,
        "%.3s, %02u %s %04d %02d:%02d:%02d GMT",
        days[weekday(midnight).c_encoding()].data(),
        static_cast<unsigned>(date.day()),
        months[static_cast<unsigned>(date.month()) - 1].data(),
        year,
        static_cast<int>(clock.hours().count()),
        static_cast<int>(clock.minutes().count()),
        static_cast<int>(clock.seconds().count()));
    return {text, static_cast<std::size_t>(length)};
}

} // namespace tz
