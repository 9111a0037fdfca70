#include <tz/engine/trace.hpp>

namespace tz {

const char* name_of(Stage stage) {
    switch (stage) {
    case Stage::read:
        return "read";
    case Stage::wait:
        return "wait";
    case Stage::verify:
        return "verify";
    case Stage::decrypt:
        return "decrypt";
    case Stage::copy:
        return "copy";
    case Stage::put:
        return "put";
    case Stage::deliver:
        return "deliver";
    }
    return "unknown";
}

void Trace::record(
    Stage stage,
    unsigned lane,
    std::uint64_t chunk,
    std::uint64_t bytes,
    Clock::time_point begin,
    Clock::time_point end) {
    const std::lock_guard lock(mutex_);
    if (events_.size() == events_max) {
        ++dropped_;
        return;
    }
    events_.push_back({stage, lane, chunk, bytes, begin - began_, end - began_});
}

std::vector<TraceEvent> Trace::events() const {
    const std::lock_guard lock(mutex_);
    return events_;
}

std::uint64_t Trace::dropped() const {
    const std::lock_guard lock(mutex_);
    return dropped_;
}

} // namespace tz
