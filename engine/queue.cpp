#include <tz/engine/queue.hpp>

#include <algorithm>

namespace tz {

Queue::Queue(std::span<const Chunk> chunks, const QueueOptions& options)
    : chunks_(chunks),
      spans_(std::max(1u, std::min(options.spans, options.lanes))),
      works_(options.lanes_max, 0),
      wanted_(options.lanes),
      wanted_most_(options.lanes) {
    std::vector<bool> ours;
    for (const std::uint32_t source : options.sources) {
        ours.resize(std::max<std::size_t>(ours.size(), source + 1));
        ours[source] = true;
    }
    for (std::size_t i = 0; i < chunks.size(); i += std::max(1u, chunks[i].piece_chunks))
        if (chunks[i].source < ours.size() && ours[chunks[i].source])
            order_.push_back(static_cast<std::uint32_t>(i));
    left_ = order_.size();
}

Draw Queue::draw(unsigned lane, bool may_park) {
    Draw draw;
    std::uint64_t wake = 0;
    {
        const std::lock_guard lock(mutex_);
        if (may_park && left_ > 0 && must_park(lane))
            draw.parks_until = wake_ + 1;
        else
            draw.chunk = next(lane);
        works_[lane] = draw.chunk != nullptr;
        if (draw.chunk != nullptr && --left_ == 0)
            wake = ++wake_; // those that are parked find nothing left, and end
    }
    if (wake != 0)
        wakes_.advance(wake);
    return draw;
}

void Queue::want(unsigned lanes) {
    std::uint64_t wake = 0;
    {
        const std::lock_guard lock(mutex_);
        lanes = std::clamp(lanes, 1u, static_cast<unsigned>(works_.size()));
        if (lanes > wanted_)
            wake = ++wake_;
        wanted_ = lanes;
        wanted_most_ = std::max(wanted_most_, lanes);
    }
    if (wake != 0)
        wakes_.advance(wake);
}

unsigned Queue::wanted() const {
    const std::lock_guard lock(mutex_);
    return wanted_;
}

unsigned Queue::wanted_most() const {
    const std::lock_guard lock(mutex_);
    return wanted_most_;
}

unsigned Queue::working() const {
    const std::lock_guard lock(mutex_);
    return static_cast<unsigned>(std::count(works_.begin(), works_.end(), 1));
}

bool Queue::empty() const {
    const std::lock_guard lock(mutex_);
    return left_ == 0;
}

bool Queue::must_park(unsigned lane) const {
    if (lane < wanted_)
        return false;
    return lane >= spans_.size() || spans_[lane].next == spans_[lane].end;
}

const Chunk* Queue::next(unsigned lane) {
    for (std::size_t i = 0; i < spans_.size(); ++i) {
        Span& span = spans_[(lane + i) % spans_.size()];
        if (span.next == span.end)
            begin_next(span);
        if (span.next < span.end)
            return &chunks_[order_[span.next++]];
    }
    return nullptr;
}

/// Takes up the next tensor that no span has, if there is one.
void Queue::begin_next(Span& span) {
    span.next = next_;
    while (next_ < order_.size() && (next_ == span.next || continues(next_)))
        ++next_;
    span.end = next_;
}

bool Queue::continues(std::size_t place) const {
    const Chunk& before = chunks_[order_[place - 1]];
    const Chunk& chunk = chunks_[order_[place]];
    if (before.by_pieces || chunk.by_pieces)
        return before.by_pieces && chunk.by_pieces && before.source == chunk.source;
    return chunk.segments.front().item == before.segments.back().item;
}

} // namespace tz
