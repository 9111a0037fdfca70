// Programs that load a file, measure that themselves and report it: other loaders, and our own
// `tz-bench sample`. Each sample is a process of its own, so that none starts with what another
// left.
#pragma once

#include <tz/tools/bench_sample.hpp>

#include <stop_token>
#include <string>

namespace tz::bench {

/// Runs `command` and takes the JSON object in its last line of stdout for a sample (its members
/// are listed in bench/README.md; of several times the first counts, since later ones in the same
/// process are never cold). Throws `tz::Error`: errc::io where the command fails, errc::format
/// where it reports nothing that makes sense.
Sample sample_by(const std::string& command, const std::stop_token& stop);

} // namespace tz::bench
