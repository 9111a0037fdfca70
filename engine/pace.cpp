#include <tz/engine/pace.hpp>

#include <algorithm>
#include <utility>

namespace tz {

std::unique_ptr<Pacer> Source::pacer(unsigned, unsigned) const {
    return nullptr;
}

void Pacing::add(std::unique_ptr<Pacer> pacer, Queue& queue, const ReadCounters& read) {
    paced_.push_back({std::move(pacer), &queue, &read, {}});
}

void Pacing::tick(Clock::time_point now) {
    if (!began_)
        began_ = now;
    for (Paced& paced : paced_) {
        if (now - std::max(paced.asked, *began_) < paced.pacer->period() || paced.queue->empty())
            continue;
        paced.asked = now;
        PaceSample sample;
        sample.time = now - *began_;
        sample.bytes = paced.read->bytes;
        sample.requests = paced.read->requests;
        sample.throttles = paced.read->throttles;
        sample.lanes = paced.queue->working();
        sample.waiting = paced.read->waiting;
        paced.queue->want(paced.pacer->lanes_wanted(sample));
    }
}

} // namespace tz
