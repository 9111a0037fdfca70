// From samples to figures: medians, and how near a load comes to what the machine can do. Pure.
#pragma once

#include <tz/tools/bench_entry.hpp>

#include <optional>
#include <string>
#include <vector>

namespace tz::bench {

/// Rates, times and ratios are taken over the samples that are not left out, memory and cache over
/// all.
struct Summary {
    Spread gb_per_s;
    Spread seconds;
    double average_seconds = 0;
    std::optional<double> cpu_seconds;        ///< median
    std::optional<double> cpu_seconds_per_gb; ///< median
    double cached = 0;                        ///< largest share that was in the page cache before
    std::optional<double> huge;               ///< smallest share of the memory in huge pages
    std::optional<double> loop_cpu_seconds_per_gb; ///< median
    /// Most anonymous memory during a load, less the tensors that it delivered.
    std::optional<std::uint64_t> beside_bytes;
    std::optional<std::uint64_t> anonymous_bytes; ///< most anonymous memory during a load
    std::optional<std::uint64_t> file_bytes;      ///< most pages of files, likewise

    // For loads and peers; each is the median of the rounds' own ratios, which a slow minute of the
    // machine doesn't touch.
    std::string source;              ///< the fastest way measured to get these bytes
    std::optional<double> of_source; ///< rate / that way's rate
    /// min(source rate, cores / CPU seconds per GB of source and stages, each timed alone), GB/s;
    /// where SHA-256 is checked, also no more than one core's rate on the largest tensor allows.
    std::optional<double> ceiling_gb_per_s;
    std::optional<double> of_ceiling; ///< rate / ceiling
};

/// One for each of `entries`.
std::vector<Summary> summarize(const std::vector<Entry>& entries, unsigned cores);

} // namespace tz::bench
