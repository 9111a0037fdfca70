// Which samples others disturbed, and which of these the medians leave out. Pure; fixed before any
// figure was taken, so that nobody chooses samples by how they came out.
#pragma once

#include <string>
#include <vector>

namespace tz::bench {

/// What happened on the machine while a sample's process ran, from its start to its end.
struct Interference {
    double wall_seconds = 0;
    double steal_seconds = 0;      ///< of all cores
    double others_cpu_seconds = 0; ///< of all processes but ours and our children
};

// Shares of wall time times cores. What the hypervisor steals is lost whole and comes unevenly: 2 %
// of all cores, stolen while one thread was the bottleneck of two cores, is 4 % of the rate, about
// what rounds differ by on a quiet machine. What other processes take is mostly taken from idle
// cores; the kernel's own threads, which write back or reclaim memory for us, count among them and
// were seen to take some percent.
constexpr double steal_share_max = 0.02;
constexpr double others_share_max = 0.10;
/// The kernel counts both in ticks of 10 ms, for each core apart: so much may be rounding.
constexpr double tick_seconds = 0.01;

/// How many times over its limit the worse of both is, beyond what may be rounding; disturbed from
/// above 1.
double disturbance(const Interference& interference, unsigned cores);

/// Why the sample is disturbed, for people; empty where it isn't.
std::string disturbed_by(const Interference& interference, unsigned cores);

/// What of an entry's samples its medians are taken over.
struct Sifted {
    std::vector<bool> left_out; ///< one for each sample
    bool unsteady = false;      ///< more were disturbed than may be left out
};

/// Leaves out the disturbed ones, the worst first and the earlier of equals, but at most a third:
/// medians over fewer would be of chosen samples. `disturbances` has one value for each sample.
Sifted sift_samples(const std::vector<double>& disturbances);

} // namespace tz::bench
