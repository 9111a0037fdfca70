// Where the bytes of a chunk are read to: straight to their tensors, or to the lane's staging.
#pragma once

#include <tz/engine/async.hpp>
#include <tz/engine/job.hpp>
#include <tz/engine/loop.hpp>
#include <tz/engine/memory.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace tz {

/// Where the bytes of one chunk go.
struct Placement {
    Route route = Route::buffered;
    std::uint64_t offset = 0;                ///< where the read begins
    std::size_t need = 0;                    ///< bytes from there to the end of the chunk's body
    std::vector<Buffer> to;                  ///< what the read fills
    std::span<std::byte> staging;            ///< stands for the file from `offset` on
    bool in_place = false;                   ///< data goes straight to its tensors
    std::unique_ptr<HostMemory> long_header; ///< staging of a header larger than a chunk

    /// Where the read puts the segment's bytes.
    std::span<std::byte> bytes_of(const Job& job, const Segment& segment) const;
    std::span<std::byte> staged(const Segment& segment) const;
    /// Whether that is where they are handed out.
    bool brings_home(const Job& job, const Segment& segment) const;
};

/// What a header larger than a chunk takes of the budget: its bytes, and what the parser copies of
/// them.
std::uint64_t long_header_cost(const Chunk& chunk);

/// Decides for one chunk, and makes the lane's staging ready where the read needs it. The placement
/// holds as long as the job and until the lane's next one.
awaitable<Placement> place(Job& job, const Chunk& chunk, Reader& reader, Loop& loop, unsigned slot);

} // namespace tz
