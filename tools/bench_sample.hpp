// What one timed run gives, and the statistics over several.
#pragma once

#include <tz/tools/bench_disturbed.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace tz::bench {

/// One timed run.
struct Sample {
    unsigned round = 0;
    std::uint64_t bytes = 0;
    double seconds = 0;
    /// User and system time, kernel threads that work for us included. Absent where it is unknown.
    std::optional<double> cpu_seconds;
    double cached = 0;        ///< share of the file in the page cache just before, 0 to 1
    double steal_seconds = 0; ///< what the hypervisor took from all our cores meanwhile
    /// For loads of ours: the share of `cpu_seconds` that loop threads took.
    std::optional<double> loop_cpu_seconds;
    std::optional<std::uint64_t> huge_bytes; ///< of the memory that was filled, in huge pages
    /// Most anonymous memory of the process during the load: of ours all that it had, of others
    /// what they added.
    std::optional<std::uint64_t> anonymous_peak_bytes;
    /// Likewise of pages of files.
    std::optional<std::uint64_t> file_peak_bytes;
    /// CRC-32 of all tensors in order of their names, taken after the load.
    std::optional<std::uint32_t> crc32;
    Interference interference; ///< of the whole process, its start included
    bool left_out = false;     ///< disturbed, and so not among those that figures are taken over

    double gb() const { return static_cast<double>(bytes) / 1e9; }

    double gb_per_s() const { return gb() / seconds; }

    double cpu_seconds_per_gb() const { return *cpu_seconds / gb(); }
};

/// Seconds of CLOCK_MONOTONIC, the same in all processes.
double monotonic_seconds();
/// CPU time of this process so far, all threads.
double process_cpu_seconds();
/// Time stolen from this machine's cores so far; 0 where the kernel doesn't say.
double machine_steal_seconds();
/// CPU time of all processes so far, without idle and stolen time; 0 where the kernel doesn't say.
double machine_busy_seconds();
/// CPU time of this process and of children that were waited for.
double family_cpu_seconds();

/// Runs from its construction to `stop`.
class Stopwatch {
public:
    Stopwatch();
    /// A Sample over `bytes`.
    Sample stop(std::uint64_t bytes) const;

private:
    double steal_;
    double cpu_;
    std::chrono::steady_clock::time_point start_; // last, so that the others aren't timed
};

struct Spread {
    double median = 0;
    double min = 0;
    double max = 0;
};

/// All zero for no values.
Spread spread(std::vector<double> values);

} // namespace tz::bench
