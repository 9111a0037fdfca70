// Whether fresh memory is better had in huge pages. Pure but for the counting; any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace tz {

/// Huge pages come from what lies free in large pieces. A virtual machine may have given just that
/// back to its host, which then has to find each of them again; small pages come first from pieces
/// that are too small to be given back. Which it is shows in what making huge pages present costs.
class HugePages {
public:
    /// What the memory of this process has cost.
    static HugePages& of_process();

    /// A huge page was asked for; the thread took `cpu` for it.
    void note(std::chrono::nanoseconds cpu);

    /// Whether small pages are the better choice from now on.
    bool too_dear() const { return excess_ >= excess_max; }

    /// Memory may be another by now: begins anew.
    void reset() { excess_ = 0; }

private:
    static constexpr std::int64_t excess_max = 10'000'000; ///< so that an interrupt means nothing

    /// Nanoseconds that huge pages took beyond what small ones would have; not below 0, so that
    /// cheap ones long ago don't pay for dear ones now.
    std::atomic<std::int64_t> excess_ = 0;
};

} // namespace tz
