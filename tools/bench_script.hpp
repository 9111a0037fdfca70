// The benchmarks that are written in Python: where they are, and how this process becomes one.
#pragma once

#include <string>
#include <vector>

namespace tz::bench {

/// Of a script by its name below bench/: `given` if it isn't empty, else where it is installed with
/// this program, else where it was when this program was built. Throws `tz::Error`
/// (errc::not_found), naming the option that gives it.
std::string
script_path(const std::string& given, const std::string& name, const std::string& option);

/// Replaces this process by `python` (a path, or a name to be found in PATH) with the script and
/// its arguments: signals reach it, its exit code is ours, and nothing of us is left. Returns only
/// by throwing `tz::Error` (not_found, denied, io), naming the option --python.
[[noreturn]] void become_script(
    const std::string& python,
    const std::string& script,
    const std::vector<std::string>& arguments);

} // namespace tz::bench
