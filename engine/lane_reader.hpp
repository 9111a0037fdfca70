// The Reader that a lane has, and what it is for: it goes from source to source with its
// connection.
#pragma once

#include <tz/engine/hosts.hpp>
#include <tz/engine/mapping.hpp>
#include <tz/engine/queue.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

namespace tz {

/// Belongs to one lane, on its loop's thread.
class LaneReader {
public:
    /// Null where the source is read; else its pages are made present.
    using MappingOf = std::function<const Mapping*(std::uint32_t source)>;

    LaneReader(Hosts& hosts, Loop& loop, MappingOf mapping_of = {})
        : hosts_(hosts),
          loop_(loop),
          mapping_of_(std::move(mapping_of)) {}

    Reader& of(std::uint32_t source);

    /// Ends the connection.
    void close() { reader_.reset(); }

    /// Leaves the connection to whoever needs one next. The last call.
    void keep();

private:
    const Mapping* mapping() const { return mapping_of_ ? mapping_of_(source_) : nullptr; }

    Hosts& hosts_;
    Loop& loop_;
    MappingOf mapping_of_;
    std::unique_ptr<Reader> reader_;
    std::uint32_t source_ = 0; ///< that `reader_` is for
};

using MayPark = std::function<bool()>;
using UseChunk = std::function<awaitable<void>(const Chunk& chunk)>;

/// What a lane does: draws the chunks of lane `place` from `queue` and uses one after the other,
/// until none is left. Parks where the queue says so and `may_park` allows it, without a
/// connection. All of it outlives the coroutine.
awaitable<void> draw_all(
    Queue& queue, unsigned place, LaneReader& reader, const MayPark& may_park, const UseChunk& use);

} // namespace tz
