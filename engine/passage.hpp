// One chunk on its way through a lane, and what the steps of that way share.
#pragma once

#include <tz/engine/job.hpp>
#include <tz/engine/loop.hpp>
#include <tz/engine/meter.hpp>
#include <tz/engine/placement.hpp>
#include <tz/format/error.hpp>
#include <tz/format/seal.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace tz {

/// A tensor whose bytes are all through, and don't fit its hashes.
struct DamagedTensor {
    std::uint32_t item;
    Error error;
};

class ListedPiece;

/// Belongs to its lane, and is used by one thread at a time.
struct Passage {
    Passage(const Chunk& its_chunk, Reader& its_reader, unsigned its_slot, ChunkMeter its_meter)
        : chunk(its_chunk),
          reader(its_reader),
          slot(its_slot),
          meter(its_meter) {}

    const Chunk& chunk;
    Reader& reader;
    unsigned slot; ///< of the lane's staging
    ChunkMeter meter;
    Placement placement;
    std::vector<const format::Secret*> keys; ///< by segment; null for plain data
    std::vector<Taken> taken;                ///< by segment
    std::vector<DamagedTensor> damaged;
    std::vector<std::uint32_t> complete; ///< items that are, which their sink has yet to hear
    std::optional<std::uint64_t> piece;  ///< that was fetched again last, by its place in the file
    ListedPiece* listed = nullptr;       ///< what the chunk is a part of
    unsigned refetched = 0;
};

/// Reads for it, seen by its meter.
inline awaitable<void> read(
    Passage& passage,
    Route route,
    std::uint64_t offset,
    std::span<const Buffer> to,
    std::size_t need) {
    passage.meter.read_begins(route);
    co_await passage.reader.read(route, offset, to, need);
    passage.meter.read_ends(route);
}

/// All of the chunk, to where it is placed.
inline awaitable<void> read_chunk(Passage& passage) {
    const Placement& placement = passage.placement;
    if (placement.need > 0)
        co_await read(passage, placement.route, placement.offset, placement.to, placement.need);
}

/// Runs `step(times)` on a worker.
template <typename Step>
awaitable<void> work(Loop& loop, Passage& passage, Step step) {
    auto job = [&passage, step] {
        JobTimes times;
        step(times);
        times.end();
        passage.meter.worked(times);
    };
    co_await loop.workers().run(std::move(job));
}

} // namespace tz
