// The streams that the lanes of one loop share, and what they copy.
#pragma once

#include <tz/cuda/copy_meter.hpp>
#include <tz/cuda/stream.hpp>

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace tz::cuda {

/// Two copies can follow each other without a pause whatever stream they are in: one is as fast as
/// four (docs/performance.md). The second lets small copies pass a long one.
inline constexpr std::size_t copy_streams = 2;
/// A device that opens what was copied keeps the bus waiting in as many streams as it opens in.
inline constexpr std::size_t opening_streams = 6;

/// Of host memory to a device.
struct Copy {
    std::byte* to;
    std::span<const std::byte> from;
    std::size_t block; ///< the allocation that `to` is in
};

/// Joins copies that go on where the one before ends, on both sides and within one allocation.
std::vector<Copy> joined(std::span<const Copy> copies);

/// Streams of each device, made as they are used. Used by the loop's thread.
class LoopStreams {
public:
    /// Streams of each of `devices`, which begin with `after`, unless it is null. `meter`, which
    /// may be null, knows the same devices and outlives this.
    LoopStreams(
        asio::io_context& context,
        std::span<const int> devices,
        CUevent_st* after,
        CopyMeter* meter = nullptr);

    /// Whose turn it is of so many. `device` counts the devices given.
    Stream& next(std::size_t device, std::size_t among = copy_streams);

private:
    struct Turn {
        int number = 0;
        std::vector<std::unique_ptr<Stream>> streams{};
        std::size_t at = 0;
    };

    asio::io_context& context_;
    CUevent_st* after_;
    CopyMeter* meter_;
    std::vector<Turn> devices_;
};

} // namespace tz::cuda
