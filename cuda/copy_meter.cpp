#include <tz/cuda/copy_meter.hpp>
#include <tz/engine/device_track.hpp>

#include <algorithm>
#include <cassert>
#include <utility>

namespace tz::cuda {

void CopyTrack::begin(std::uint64_t bytes, Clock::time_point now) {
    const std::lock_guard lock(meter_.mutex_);
    CopyMeter::OfDevice& device = meter_.devices_[device_];
    if (given_.bytes == 0) {
        given_.began = now;
        if (device.under_way++ == 0)
            device.since = now;
    }
    given_.bytes += bytes;
    device.bytes += bytes;
}

void CopyTrack::mark() {
    const std::lock_guard lock(meter_.mutex_);
    marked_.push_back(std::exchange(given_, {}));
}

void CopyTrack::end(Clock::time_point now) {
    const std::lock_guard lock(meter_.mutex_);
    assert(!marked_.empty());
    const Copies copies = marked_.front();
    marked_.pop_front();
    if (copies.bytes == 0)
        return;
    CopyMeter::OfDevice& device = meter_.devices_[device_];
    if (--device.under_way == 0)
        device.busy += now - device.since;
    const auto began = std::max(copies.began, std::exchange(ended_, now));
    if (meter_.trace_)
        meter_.trace_->record(Stage::put, lane_, meter_.recorded_++, copies.bytes, began, now);
}

CopyMeter::CopyMeter(std::span<const int> devices, std::shared_ptr<Trace> trace)
    : trace_(std::move(trace)) {
    for (const int number : devices)
        devices_.emplace_back().number = number;
}

CopyTrack& CopyMeter::track(std::size_t device) {
    const std::lock_guard lock(mutex_);
    OfDevice& its = devices_[device];
    const DeviceTrack track{static_cast<unsigned>(its.number), its.streams++};
    return tracks_.emplace_back(*this, device, lane_of(track));
}

std::vector<DeviceCopies> CopyMeter::copies() const {
    const std::lock_guard lock(mutex_);
    std::vector<DeviceCopies> all;
    all.reserve(devices_.size());
    for (const OfDevice& device : devices_)
        all.push_back(
            {device.number, device.bytes, std::chrono::duration<double>(device.busy).count()});
    return all;
}

} // namespace tz::cuda
