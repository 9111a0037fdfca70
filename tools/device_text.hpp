// The text of --device.
#pragma once

#include <string>
#include <vector>

namespace tz::cli {

/// Most devices in one process, which no machine has.
inline constexpr int devices_max = 128;

/// Numbers of the devices in "cuda:0,cuda:1"; "cuda" is the first; none for "cpu". Throws
/// `tz::Error` (errc::usage).
std::vector<int> parse_devices(const std::string& text);

/// "cuda:0,cuda:1".
std::string devices_text(const std::vector<int>& devices);

} // namespace tz::cli
