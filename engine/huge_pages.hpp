// Whether fresh memory is better had in huge pages. Pure but for the counting; any thread.
#pragma once

#include <atomic>
#include <chrono>

namespace tz {

/// Huge pages come from what lies free in large pieces. A virtual machine may have given just that
/// back to its host, which then has to find each of them again; small pages come first from pieces
/// that are too small to be given back. Which it is shows in what making huge pages present costs.
class HugePages {
public:
    /// A huge page was asked for; the thread took `cpu` for it.
    void note(std::chrono::nanoseconds cpu);

    /// Whether small pages are the better choice from now on.
    bool too_dear() const { return dear_ >= dear_max; }

    /// Memory may be another by now: begins anew.
    void reset() { dear_ = 0; }

private:
    static constexpr int dear_max = 4; ///< so that an interrupt or two mean nothing

    std::atomic<int> dear_ = 0; ///< dear ones less cheap ones
};

} // namespace tz
