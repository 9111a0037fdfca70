// Times as AWS's services write them (ISO 8601). Pure: knows no clock and no locale.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace tz {

/// Of "2026-11-25T22:02:51Z", with or without fractions, which are left out, or with an offset
/// instead of Z. Nothing for another text.
std::optional<std::chrono::system_clock::time_point> parse_time(std::string_view text);

} // namespace tz
