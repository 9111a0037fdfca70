// Do bytes still come fast enough?
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace tz {

/// Asked `ticks` times in each window of time, by whoever has the clock. Looks at the last whole
/// window each time: looked at one after the other, a stall would show only after almost two.
class StallMeter {
public:
    static constexpr std::size_t ticks = 4;

    /// `counter`: bytes that have come so far; it may fall a little. Fewer than `bytes_min` more in
    /// a window is a stall.
    StallMeter(std::uint64_t counter, std::uint64_t bytes_min) : bytes_min_(bytes_min) {
        earlier_.fill(counter);
    }

    /// Whether this is a stall. Not before the first window is over.
    bool tick(std::uint64_t counter) {
        std::uint64_t& oldest = earlier_[tick_ % ticks];
        const bool stalled = ++tick_ >= ticks && counter < oldest + bytes_min_;
        oldest = counter;
        return stalled;
    }

private:
    std::array<std::uint64_t, ticks> earlier_; ///< the counter at the last ticks
    std::uint64_t bytes_min_;
    std::size_t tick_ = 0;
};

} // namespace tz
