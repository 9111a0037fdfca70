// Other programs that are measured: started through the shell, their stdout collected.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

namespace tz::bench {

/// What a process had in memory at one moment.
struct MemoryReading {
    double at = 0; ///< seconds of CLOCK_MONOTONIC
    std::uint64_t anonymous_bytes = 0;
    std::uint64_t file_bytes = 0; ///< pages of files that it has mapped
};

struct ChildResult {
    std::string output; ///< stdout; stderr goes where ours goes
    int status = 0;     ///< exit code; 128 + n when signal n ended it
    double cpu_seconds = 0;
    std::vector<MemoryReading> memory; ///< every 5 ms, as far as the kernel says
};

/// Runs `command`, one program and its arguments, by /bin/sh in a process group of its own, and
/// ends that group when `stop` is asked for (then throws `tz::Error`, errc::cancelled) or when
/// `seconds_max` have passed (errc::deadline; 0: no limit). Throws errc::limit when it writes more
/// than 16 MiB.
ChildResult
run_command(const std::string& command, const std::stop_token& stop, double seconds_max = 0);

/// `text` as one word of the shell.
std::string shell_word(const std::string& text);

} // namespace tz::bench
