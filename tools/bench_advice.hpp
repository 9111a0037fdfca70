// From measured settings to the one to use, and why. Pure.
#pragma once

#include <tz/tools/bench_sweep_plan.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tz::bench {

/// What is at least this share of the best is as good: the rest is chance, and not worth memory.
inline constexpr double near_share = 0.97;

/// Which cells are how good. All indices are of the cells; lists have one member for each.
struct Choice {
    std::optional<std::size_t> best;    ///< by median rate
    std::optional<std::size_t> advised; ///< the cheapest that is near the best
    /// Median of the rounds' own ratios to the best, of the medians where they share no round; 0
    /// without samples.
    std::vector<double> of_best;
    std::vector<bool> near; ///< at least near_share
};

/// Cells that failed aren't chosen. The cheapest is the engine's own choice, where that was
/// measured; then what takes least staging memory, then least CPU time.
Choice choose(const std::vector<Cell>& cells, std::size_t memory_limit);

/// Median over the samples; 0 without any.
double median_rate(const Cell& cell);
double median_cpu_per_gb(const Cell& cell);

/// What a search needs to know before it starts.
struct Bounds {
    std::size_t memory_limit = 0;
    unsigned concurrency_max = 64;
    std::size_t chunk_bytes_min = 256 << 10;
    std::size_t chunk_bytes_max = 64 << 20;
    /// What the engine's own choice comes to, where that is one setting: it is measured as the
    /// engine's own choice alone, and has neighbours as others have.
    std::optional<Setting> automatic{};
    unsigned samples = 5; ///< at most, of the cells that are nearest to the best
};

/// Which setting to measure next, given all that were: first the engine's own choice, one lane and
/// a few; then, of the best so far, which is measured again before, twice and half the concurrency
/// and the chunk size, as long as that finds better ones; then those near the best again, to be
/// sure of them. Nothing when all is known.
std::optional<Setting> next_setting(const std::vector<Cell>& cells, const Bounds& bounds);

/// How much a sample of a search may load, so that even one on a single lane leaves time for
/// others. Rates of whole samples in GB/s, with all that is around the load: of the engine's own
/// choice and of one lane; seconds for all of it.
std::uint64_t sample_bytes(double rate, double lane_rate, double seconds);

/// A step of a load on one core.
struct CheckCost {
    std::string name;
    double cpu_seconds_per_gb = 0;
};

/// What was measured of a source and the machine beside loads.
struct Surroundings {
    bool remote = false;
    double first_byte_seconds = 0; ///< from asking for a small part of the file to having it
    unsigned cores = 1;
    std::uint64_t memory_bytes = 0;     ///< that is free
    std::size_t memory_limit = 0;       ///< of staging
    std::optional<Setting> automatic{}; ///< as in Bounds
    std::vector<CheckCost> checks;      ///< that the file allows: hashes, decryption
};

struct Advice {
    std::string options;              ///< to be copied; "" where the defaults are as good
    std::vector<std::string> reasons; ///< a sentence each
};

/// For a choice that has `advised`.
Advice
advise(const std::vector<Cell>& cells, const Choice& choice, const Surroundings& surroundings);

} // namespace tz::bench
