// What users call the things they load, taken apart: paths and URLs of any kind. Pure.
#pragma once

#include <string>
#include <string_view>

namespace tz {

/// In lower case; empty where `uri` is a path.
std::string scheme_of(std::string_view uri);

/// The path that a file:// URL names. Throws `tz::Error` (errc::usage).
std::string path_of_file_url(std::string_view url);

} // namespace tz
