// What each lane did when: one event for each stage that a chunk went through.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace tz {

enum class Stage : std::uint8_t { read, wait, verify, decrypt, copy, put, deliver };

/// How many there are.
inline constexpr std::size_t stages = 7;

/// The name that statistics and traces give a stage: "read", "wait", ...
const char* name_of(Stage stage);

struct TraceEvent {
    Stage stage = Stage::read;
    /// Counts the lanes of all loops; `caller_lane` for the delivery callback.
    unsigned lane = 0;
    /// The chunk's number in the plan; for Stage::deliver the tensor's in the order of delivery.
    std::uint64_t chunk = 0;
    std::uint64_t bytes = 0;
    std::chrono::nanoseconds begin{}; ///< since the trace was made
    std::chrono::nanoseconds end{};
};

/// Collects the events of one load (`LoadOptions::trace`). Any thread.
class Trace {
public:
    using Clock = std::chrono::steady_clock;

    static constexpr unsigned caller_lane = ~0u;
    /// Bounds the memory of a trace at 48 MiB; what comes later is counted only. At one event a
    /// stage this is about 200,000 chunks.
    static constexpr std::size_t events_max = 1 << 20;

    void record(
        Stage stage,
        unsigned lane,
        std::uint64_t chunk,
        std::uint64_t bytes,
        Clock::time_point begin,
        Clock::time_point end);

    /// In the order in which they ended.
    std::vector<TraceEvent> events() const;
    /// Events that there was no room for.
    std::uint64_t dropped() const;

private:
    const Clock::time_point began_ = Clock::now();
    mutable std::mutex mutex_;
    std::vector<TraceEvent> events_;
    std::uint64_t dropped_ = 0;
};

} // namespace tz
