// What `sweep` and `advise` share: how they take a source, and the bounded search for its options.
#pragma once

#include <tz/tools/bench_advice.hpp>
#include <tz/tools/bench_cells.hpp>
#include <tz/tools/bench_command.hpp>
#include <tz/tools/bench_host.hpp>

#include <string>
#include <vector>

namespace tz::bench {

/// What was typed.
struct TuningOptions {
    cli::Options shared;
    std::string mode = "plain";
    std::size_t bytes_max = 0;
    bool warm = false;
    bool cold = false;
    double seconds = 20;                       ///< of a search
    std::vector<const CLI::Option*> passed_on; ///< to samples, as they were given
};

/// FILE, --mode, --warm, --cold, --include, --exclude, --max-bytes, keys, --memory-limit and the
/// network's options. `options` outlives the parsing.
void add_tuning_options(CLI::App& app, TuningOptions& options);
/// --seconds.
void add_seconds_option(CLI::App& app, TuningOptions& options);

/// A source that was looked at, and how it is sampled.
struct Tuning {
    Subject subject;
    CellOptions options;
    std::size_t memory_limit = 0;
    std::vector<std::string> notes;
};

/// Throws `tz::Error`: what opening and inspecting the file throws.
Tuning
begin_tuning(const TuningOptions& options, cli::Console& console, const std::stop_token& stop);

/// What a search found.
struct Advised {
    Host host;
    Subject subject;
    Cache cache = Cache::none;
    std::string mode;
    Surroundings surroundings;
    std::vector<Cell> cells;
    bool stopped = false;
    std::vector<std::string> notes;
};

/// Measures for as long as `seconds` and no longer. A stop ends it with what was measured. Throws
/// `tz::Error`: errc::deadline where that was nothing, and what the samples said where all of them
/// failed.
Advised search(Tuning tuning, double seconds, cli::Console& console, bool progress);

std::string to_text(const Advised& advised);
/// Schema "tz-bench-advice/1".
cli::Json to_json(const Advised& advised, const std::vector<std::string>& arguments);

/// The command. Returns the exit code.
int run_advise(const TuningOptions& options, const Output& output);

} // namespace tz::bench
