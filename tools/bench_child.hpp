// Other programs that are measured: started through the shell, their stdout collected.
#pragma once

#include <stop_token>
#include <string>

namespace tz::bench {

struct ChildResult {
    std::string output; ///< stdout; stderr goes where ours goes
    int status = 0;     ///< exit code; 128 + n when signal n ended it
    double cpu_seconds = 0;
};

/// Runs `command` by /bin/sh in a process group of its own, and ends that group when `stop` is
/// asked for (then throws `tz::Error`, errc::cancelled). Throws errc::limit when it writes more
/// than 16 MiB.
ChildResult run_command(const std::string& command, const std::stop_token& stop);

/// `text` as one word of the shell.
std::string shell_word(const std::string& text);

} // namespace tz::bench
