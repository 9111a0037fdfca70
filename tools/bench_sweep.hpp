// A sweep: loads of one file with every combination of options, in interleaved rounds.
#pragma once

#include <tz/tools/bench_advice.hpp>
#include <tz/tools/bench_cells.hpp>
#include <tz/tools/bench_host.hpp>
#include <tz/tools/console.hpp>
#include <tz/tools/json.hpp>

#include <string>
#include <vector>

namespace tz::bench {

/// What a sweep is of, and what came out.
struct Sweep {
    Host host;
    std::vector<std::string> arguments; ///< as given to tz-bench
    Subject subject;
    Cache cache = Cache::none;
    std::string mode;
    Grid grid;
    std::size_t memory_limit = 0;
    std::vector<Cell> cells; ///< of `grid`, see cells_of()
    unsigned rounds = 0;     ///< that were asked for
    bool stopped = false;    ///< before the last of them
    std::vector<std::string> notes;
};

/// Adds to each cell of `sweep` a sample in each round. A cell that fails is left out from then on.
/// A stop ends it, with what was measured until then. Progress goes to `console` where `progress`
/// says so.
void run_sweep(Sweep& sweep, CellRunner& runner, cli::Console& console, bool progress);

/// Concurrency by chunk size, a table for each combination of the other options; then the best
/// cell, the one to use, and what failed. With the terminal's colours where `colour` says so.
std::string sweep_table(const Sweep& sweep, bool colour);

/// Schema "tz-bench-sweep/1".
cli::Json to_json(const Sweep& sweep);

// For others that measure cells:

cli::Json cell_json(const Cell& cell, std::size_t index, const Choice& choice, std::size_t limit);
cli::Json subject_json(const Subject& subject, Cache cache, const std::string& mode);

/// Whether output for people has colours: NO_COLOR and CLICOLOR_FORCE as usual (null where they
/// aren't set); else on terminals that are no dumb ones.
bool wants_colour(bool terminal, const char* no_color, const char* force, const char* term);

} // namespace tz::bench
