// The page cache's share in a file: asked, emptied, filled.
#pragma once

#include <stop_token>
#include <string>

namespace tz::bench {

/// The share of the file that is in the page cache, 0 to 1. Throws `tz::Error` where the file can't
/// be opened.
double cached_share(const std::string& path);

/// Writes the file out and drops it from the page cache. On filesystems that live in memory nothing
/// can be dropped: ask `cached_share` afterwards.
void make_cold(const std::string& path);

/// Reads what is not in the page cache. Throws `tz::Error` (errc::cancelled) after a stop.
void make_warm(const std::string& path, const std::stop_token& stop = {});

} // namespace tz::bench
