// Tracks of a trace that are no lane's: streams of devices, as values of TraceEvent::lane. Pure.
#pragma once

#include <optional>

namespace tz {

/// One stream of a device.
struct DeviceTrack {
    unsigned device = 0; ///< its number, as the process sees it
    unsigned stream = 0; ///< counted over all loops of the load

    bool operator==(const DeviceTrack&) const = default;
};

/// Far above what lanes there can be, and below Trace::caller_lane.
inline constexpr unsigned first_device_lane = 1u << 24;
inline constexpr unsigned streams_per_device_max = 1u << 12;

constexpr unsigned lane_of(DeviceTrack track) {
    return first_device_lane + track.device * streams_per_device_max +
           track.stream % streams_per_device_max;
}

/// None for lanes and the caller.
constexpr std::optional<DeviceTrack> device_track_of(unsigned lane) {
    if (lane < first_device_lane || lane == ~0u)
        return {};
    const unsigned number = lane - first_device_lane;
    return DeviceTrack{number / streams_per_device_max, number % streams_per_device_max};
}

} // namespace tz
