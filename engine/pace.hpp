// How many lanes of a host work at a time: the seam between a load and the rule that decides.
#pragma once

#include <tz/engine/queue.hpp>
#include <tz/engine/reader.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace tz {

/// What the lanes of one host have done since they started.
struct PaceSample {
    std::chrono::nanoseconds time{};
    std::uint64_t bytes = 0;     ///< that arrived from the host
    std::uint64_t requests = 0;  ///< made of it
    std::uint64_t throttles = 0; ///< times the host asked for less
    unsigned lanes = 0;          ///< that work now
    unsigned waiting = 0;        ///< of these, for bytes of the host
};

/// Decides for one host and one load. Used by one thread at a time.
class Pacer {
public:
    virtual ~Pacer() = default;

    /// How many lanes shall work from now on. Called about every `period()` with a sample later
    /// than the last one; that may be much later, while the caller's callback has the thread.
    virtual unsigned lanes_wanted(const PaceSample& sample) = 0;

    /// Long enough for the rate to show what the last change did.
    virtual std::chrono::milliseconds period() const { return std::chrono::milliseconds(500); }
};

/// Asks the pacers of one load and tells the queues. Used by the thread that waits for the load.
class Pacing {
public:
    using Clock = std::chrono::steady_clock;

    /// All of them outlive this.
    void add(std::unique_ptr<Pacer> pacer, Queue& queue, const ReadCounters& read);

    /// Called often; asks each pacer every period, from the first call on. A queue without chunks
    /// left is left alone: its lanes end for other reasons than the network's.
    void tick(Clock::time_point now);

private:
    struct Paced {
        std::unique_ptr<Pacer> pacer;
        Queue* queue;
        const ReadCounters* read;
        Clock::time_point asked{};
    };

    std::vector<Paced> paced_;
    std::optional<Clock::time_point> began_;
};

} // namespace tz
