// How long copies to devices were under way, for a load's statistics and its trace. As the host
// sees it: from when a copy is given to its stream, or the one before it there is done, until it is
// known to be done, which is asked every 50 µs. Any thread; one mutex for all of a load.
#pragma once

#include <tz/cuda/device_load.hpp>
#include <tz/engine/trace.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace tz::cuda {

class CopyMeter;

/// Of one stream, whose work ends in its order.
class CopyTrack {
public:
    using Clock = Trace::Clock;

    CopyTrack(CopyMeter& meter, std::size_t device, unsigned lane)
        : meter_(meter),
          device_(device),
          lane_(lane) {}

    /// A copy was given to the stream.
    void begin(std::uint64_t bytes, Clock::time_point now);
    /// What was given since the last call, if anything, is waited for as one.
    void mark();
    /// What was marked first is done, or has failed.
    void end(Clock::time_point now);

private:
    struct Copies {
        std::uint64_t bytes = 0;
        Clock::time_point began;
    };

    CopyMeter& meter_;
    std::size_t device_;
    unsigned lane_;
    Copies given_;              ///< not marked yet
    std::deque<Copies> marked_; ///< in the order of the stream
    Clock::time_point ended_;   ///< the last of them
};

/// Of one load, which it outlives.
class CopyMeter {
public:
    /// `trace` may be null.
    CopyMeter(std::span<const int> devices, std::shared_ptr<Trace> trace);

    /// For a further stream of a device, which counts those given; as long as this lives.
    CopyTrack& track(std::size_t device);

    /// By device, as they were given.
    std::vector<DeviceCopies> copies() const;

private:
    friend class CopyTrack;

    struct OfDevice {
        int number = 0;
        unsigned streams = 0;
        unsigned under_way = 0;
        CopyTrack::Clock::time_point since; ///< something is under way
        std::uint64_t bytes = 0;
        std::chrono::nanoseconds busy{};
    };

    mutable std::mutex mutex_; ///< of all that follows, and of the tracks
    std::shared_ptr<Trace> trace_;
    std::vector<OfDevice> devices_;
    std::deque<CopyTrack> tracks_;
    std::uint64_t recorded_ = 0;
};

} // namespace tz::cuda
