// A load's trace, cut down to what a page draws of it. Pure.
#pragma once

#include <tz/tools/json.hpp>

#include <cstddef>

namespace tz::bench {

/// Slices beyond this are counted only: a page of some megabytes still opens at once.
inline constexpr std::size_t slices_max = 20'000;
/// Points of a curve of bytes over time: about as many as a screen has columns.
inline constexpr std::size_t points_max = 1'000;

/// Of Chrome Trace Event JSON as `tz load --trace` writes it: an array of events, or an object with
/// one. Null for null. The object it returns has
///   seconds   from the first slice's begin to the last one's end
///   labels    what the trace says of itself
///   lanes     names of tracks; stages: names of slices
///   slices    [lane, stage, begin, length, bytes, chunk], times in microseconds, by begin
///   left_out  how many more there were
///   read      [seconds, bytes so far] whenever a read ended, thinned to `points_max`
///   done      likewise, whenever a chunk's last stage ended
/// Throws `tz::Error` (errc::format).
cli::Json timeline(const cli::Json& trace);

} // namespace tz::bench
