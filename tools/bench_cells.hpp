// Samples of loads with one setting of the engine or another.
#pragma once

#include <tz/tools/bench_load.hpp>
#include <tz/tools/bench_sweep_plan.hpp>

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

namespace tz::bench {

/// What all cells have in common.
struct CellOptions {
    Mode mode;
    Cache cache = Cache::none;  ///< none for files on servers
    std::string sample_command; ///< the shell's words, with options that hold for every cell
    std::stop_token stop;
};

/// Takes samples, each in a process of its own which a stop ends at once. On one thread.
class CellRunner {
public:
    /// `subject` is inspected, and copied.
    CellRunner(Subject subject, CellOptions options);

    /// Takes one sample of `cell`, which the round's number is noted in. Why that failed is noted
    /// in the cell; a stop throws `tz::Error` (errc::cancelled).
    void take(Cell& cell, unsigned round);

private:
    double prepare();
    std::string command_for(const Setting& setting) const;

    Subject subject_;
    CellOptions options_;
    bool warmed_ = false;
    std::optional<std::uint32_t> contents_crc32_; ///< of the first sample that had one
};

/// What suits: none for files on servers; warm if asked for; else cold, where the page cache lets
/// go of the file. `notes` hears where it doesn't. Throws `tz::Error`.
Cache cache_for(const Subject& subject, bool warm, bool cold, std::vector<std::string>& notes);

} // namespace tz::bench
