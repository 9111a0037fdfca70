// Dates as HTTP writes them (RFC 9110, 5.6.7). Pure: knows no clock and no locale.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace tz {

/// Seconds since 1970, UTC.
using HttpTime = std::chrono::sys_seconds;

/// Reads "Sun, 06 Nov 1994 08:49:37 GMT" and the two obsolete forms, "Sunday, 06-Nov-94 08:49:37
/// GMT" and "Sun Nov  6 08:49:37 1994". `now` settles the century of two-digit years: a date more
/// than 50 years ahead of it is one of the past. Nothing for any other text, for days that don't
/// exist and for a wrong day of the week.
std::optional<HttpTime> parse_http_date(std::string_view text, HttpTime now);

/// The first of these forms. The year is one of 0 to 9999.
std::string http_date(HttpTime time);

} // namespace tz
