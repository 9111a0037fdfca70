// Figures of one run in Prometheus' text format. Pure.
#pragma once

#include <tz/engine/stats.hpp>

#include <cstdint>
#include <exception>
#include <optional>
#include <string>

namespace tz::cli {

struct RunFigures {
    std::string command;               ///< "load", "manifest add"
    std::string version;               ///< of the program
    std::string result = "ok";         ///< or what kind of error ended it, see result_of()
    double seconds = 0;                ///< of the command, from its start to its end
    double ended_at = 0;               ///< seconds since 1970
    std::uint64_t delivered_bytes = 0; ///< that went through all stages
    std::optional<LoadStats> stats;    ///< of a run that came to its end
};

/// "transport", ...: the names of tz::errc, and "other".
std::string result_of(const std::exception& error);

/// Gauges of the last run, each labelled with its command. Of a run that failed, what is not known
/// is left out.
std::string metrics_text(const RunFigures& run);

} // namespace tz::cli
