// `tz-bench --demo`: a first number on a new machine within a minute.
#pragma once

#include <tz/tools/bench_report.hpp>
#include <tz/tools/console.hpp>

#include <stop_token>

namespace tz::bench {

/// Makes a model of 256 MiB in a temporary folder (TMPDIR, else /var/tmp), plain and encrypted,
/// loads both warm and cold beside the machine's ceilings, and removes the folder, also when `stop`
/// is asked for. The run is what there is to print.
Run demo(cli::Console& console, bool quiet, const std::stop_token& stop);

} // namespace tz::bench
