// What a run of a command came to, for --metrics-file and --trace.
#pragma once

#include <tz/engine/options.hpp>
#include <tz/engine/stats.hpp>

#include <memory>
#include <optional>
#include <string>

namespace tz::cli {

class TraceFile;

/// Filled in by the thread that runs the command.
struct Measured {
    std::string command;            ///< its name
    Progress progress;              ///< as last heard of
    std::optional<LoadStats> stats; ///< once the run is complete
    /// Null where none is asked for. Written when the command has ended, however it ends.
    std::shared_ptr<TraceFile> trace;
};

} // namespace tz::cli
