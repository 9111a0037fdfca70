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
    asio::io_context& context, std::span<const int> devices, CUevent_st* after, CopyMeter* meter)
    : context_(context),
      after_(after),
      meter_(meter) {
    for (const int device : devices)
        devices_.push_back({device});
}

Stream& LoopStreams::next(std::size_t device, std::size_t among) {
    Turn& turn = devices_[device];
    const std::size_t at = turn.at++ % among;
    while (turn.streams.size() <= at) {
        CopyTrack* track = meter_ != nullptr ? &meter_->track(device) : nullptr;
        auto stream = std::make_unique<Stream>(context_, turn.number, track);
        if (after_ != nullptr)
            stream->wait_for(after_);
        turn.streams.push_back(std::move(stream));
    }
    return *turn.streams[at];
}

} // namespace tz::cuda
