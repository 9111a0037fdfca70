#include <tz/engine/lane_reader.hpp>

#include <utility>

namespace tz {

Reader& LaneReader::of(std::uint32_t source) {
    if (reader_ && source_ == source)
        return *reader_;
    const bool same_host = reader_ && &hosts_.of(source_) == &hosts_.of(source);
    source_ = source;
    if (same_host && reader_->retarget(hosts_.source(source)))
        return *reader_;
    reader_.reset();
    reader_ = hosts_.reader(source, loop_);
    if (const Mapping* pages = mapping())
        reader_ = make_mapped_reader(std::move(reader_), *pages, loop_, hosts_.of(source).read);
    return *reader_;
}

void LaneReader::keep() {
    if (reader_ && mapping() == nullptr)
        hosts_.keep(std::move(reader_), source_, loop_);
}

awaitable<void> draw_all(
    Queue& queue,
    unsigned place,
    LaneReader& reader,
    const MayPark& may_park,
    const UseChunk& use) {
    for (;;) {
        const Draw draw = queue.draw(place, may_park());
        if (draw.chunk != nullptr) {
            co_await use(*draw.chunk);
        } else if (draw.parks_until != 0) {
            reader.close(); // the host is to have fewer connections
            co_await queue.wakes().reached(draw.parks_until);
        } else {
            break;
        }
    }
    reader.keep();
}

} // namespace tz
