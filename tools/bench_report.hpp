// A run as a table for people and as one JSON object for programs.
#pragma once

#include <tz/tools/bench_entry.hpp>
#include <tz/tools/bench_host.hpp>
#include <tz/tools/bench_load.hpp>
#include <tz/tools/bench_summary.hpp>
#include <tz/tools/json.hpp>

#include <string>
#include <vector>

namespace tz::bench {

/// A run, or the complete rounds of one that was stopped.
struct Run {
    Host host;
    std::vector<std::string> arguments; ///< as given to tz-bench
    std::vector<Subject> subjects;
    std::vector<Entry> entries;
    unsigned rounds = 0;
    bool stopped = false;           ///< before all rounds were taken
    std::size_t memory_limit = 0;   ///< that the engine was given
    std::vector<std::string> notes; ///< what a reader has to know besides
};

/// Rows in groups by file and state of the cache: our loads, other loaders, ways of reading; at the
/// end the stages on one core. Ends with notes, among them what was dropped and why.
std::string table(const Run& run);

/// Schema "tz-bench/1".
cli::Json to_json(const Run& run);

// For both:

const char* cache_name(Cache cache);
/// The notes of the run, what was dropped, and which figures are not what they seem.
std::vector<std::string> notes_of(const Run& run, const std::vector<Summary>& summaries);

} // namespace tz::bench
