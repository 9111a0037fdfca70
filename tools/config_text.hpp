// What a configuration file says: a subset of TOML, one value a line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tz::cli {

/// `key = value`, as it stands in the file.
struct ConfigEntry {
    std::string section;             ///< "" before the first one; "manifest.add"
    std::string key;                 ///< name of an option, without its dashes
    std::vector<std::string> values; ///< as the command line would give them
    unsigned line = 0;
};

/// Comments, [sections], and keys whose value is a string, a number, true, false or an array of
/// them in one line. Throws `tz::Error` (errc::usage) with NAME:LINE in its text for anything else,
/// and for what stands twice in a section.
std::vector<ConfigEntry> parse_config(std::string_view text, const std::string& name);

} // namespace tz::cli
