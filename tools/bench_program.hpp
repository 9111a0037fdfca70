// Programs that load a file, measure that themselves and report it: other loaders, and our own
// `tz-bench sample`. Each sample is a process of its own, so that none starts with what another
// left.
#pragma once

#include <tz/tools/bench_sample.hpp>

#include <stop_token>
#include <string>

namespace tz::bench {

/// Runs `command`, for at most `seconds_max` (0: no limit), and takes the JSON object in its last
/// line of stdout for a sample (its members are listed in bench/README.md; of several times the
/// first counts, since later ones in the same process are never cold). Throws `tz::Error`: errc::io
/// where the command fails, errc::deadline where it takes too long, errc::format where it reports
/// nothing that makes sense.
Sample sample_by(const std::string& command, const std::stop_token& stop, double seconds_max = 0);

/// The last line that isn't blank: a Python program may have warned on stdout before.
std::string last_line(const std::string& output);

} // namespace tz::bench
