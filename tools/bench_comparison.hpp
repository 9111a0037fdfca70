// Loads side by side: ours and others', in seconds, as people compare them.
#pragma once

#include <tz/tools/bench_report.hpp>

#include <string>

namespace tz::bench {

/// For each file and state of the cache a table: loads, peers and the fastest read, the fastest
/// first; what failed comes last with why. Empty where the run has no peers.
std::string comparison(const Run& run);

} // namespace tz::bench
