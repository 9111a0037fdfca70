// Where on this machine an address is, for what is written beside files.
#pragma once

#include <string>

namespace tz::cli {

/// The path of a path or file:// URL. Throws `tz::Error` (errc::usage) for anything else: manifests
/// are written to files of this machine only.
std::string local_path(const std::string& address);

/// Whether local_path() gives one.
bool is_local(const std::string& address);

/// Refuses a folder of this machine where one file is to be copied (`tz fetch`, `tz upload`).
void check_single_file(const std::string& address);

} // namespace tz::cli
