// Sizes, durations and rates as people write and read them. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace tz::cli {

/// A size: `8388608`, `8M`, `8Mi`, `8MiB` and `1.5 GiB` count in powers of 1024, `8MB` and `2GB` in
/// powers of 1000; case does not matter. Fractions of a byte are dropped. Throws `tz::Error`
/// (errc::usage).
std::uint64_t parse_size(std::string_view text);

/// A count, which is written without a unit, of nine digits at most. Throws `tz::Error`
/// (errc::usage).
unsigned parse_number(std::string_view text);

/// A duration above zero: `30` and `30s` are seconds; also `500ms`, `2m`, `1.5h`. Throws
/// `tz::Error` (errc::usage).
std::chrono::nanoseconds parse_duration(std::string_view text);

/// "15.0 GiB", "512 B": powers of 1024, labelled so.
std::string size_text(std::uint64_t bytes);

/// 10^9 bytes a second, the unit of disks and networks; 0 where no time has passed.
double gb_per_s(std::uint64_t bytes, double seconds);

/// "6.98 GB/s".
std::string rate_text(std::uint64_t bytes, double seconds);

} // namespace tz::cli
