// One more load, traced, for the page of a run.
#pragma once

#include <tz/tools/bench_load.hpp>
#include <tz/tools/json.hpp>

#include <stop_token>

namespace tz::bench {

/// Loads `subject` once in this process, checking the hashes that the file has, and returns the
/// trace as Chrome Trace Event JSON; a label of it says what was loaded from where. `cold`: from
/// the disk, where that can be. Throws `tz::Error`.
cli::Json
traced_load(Engine& engine, const Subject& subject, bool cold, const std::stop_token& stop);

} // namespace tz::bench
