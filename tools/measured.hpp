// What a run of a command came to, for --metrics-file and --trace.
#pragma once

#include <tz/engine/options.hpp>
#include <tz/engine/stats.hpp>

#include <optional>
#include <string>

namespace tz::cli {

/// Filled in by the thread that runs the command.
struct Measured {
    std::string command;            ///< its name
    Progress progress;              ///< as last heard of
    std::optional<LoadStats> stats; ///< once the run is complete
};

} // namespace tz::cli
