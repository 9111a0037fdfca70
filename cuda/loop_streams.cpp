#include <tz/cuda/loop_streams.hpp>

namespace tz::cuda {

std::vector<Copy> joined(std::span<const Copy> copies) {
    std::vector<Copy> fewer;
    for (const Copy& copy : copies) {
        if (!fewer.empty()) {
            Copy& last = fewer.back();
            if (last.block == copy.block && last.to + last.from.size() == copy.to &&
                last.from.data() + last.from.size() == copy.from.data()) {
                last.from = {last.from.data(), last.from.size() + copy.from.size()};
                continue;
            }
        }
        fewer.push_back(copy);
    }
    return fewer;
}

LoopStreams::LoopStreams(
    asio::io_context& context, std::span<const int> devices, CUevent_st* after, CopyMeter* meter) {
    for (std::size_t device = 0; device < devices.size(); ++device) {
        Turn& turn = devices_.emplace_back();
        for (std::size_t i = 0; i < streams_per_device; ++i) {
            CopyTrack* track = meter != nullptr ? &meter->track(device) : nullptr;
            turn.streams.push_back(std::make_unique<Stream>(context, devices[device], track));
            if (after != nullptr)
                turn.streams.back()->wait_for(after);
        }
    }
}

Stream& LoopStreams::next(std::size_t device) {
    Turn& turn = devices_[device];
    return *turn.streams[turn.at++ % turn.streams.size()];
}

} // namespace tz::cuda
