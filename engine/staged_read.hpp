// Reads a range of a source into a lane's staging, whatever its bytes mean.
#pragma once

#include <tz/engine/async.hpp>
#include <tz/engine/reader.hpp>

#include <cstddef>
#include <span>

namespace tz {

class ChunkMeter;
class Loop;

/// `bytes` from `offset` on, which is a multiple of the alignment of `source` wherever it may be
/// read past the page cache. They stay until the lane's next read, which `meter` measures. On the
/// loop's thread. Throws what the read throws.
awaitable<std::span<std::byte>> read_staged(
    Reader& reader,
    const Source& source,
    Loop& loop,
    unsigned slot,
    std::uint64_t offset,
    std::size_t bytes,
    ChunkMeter* meter = nullptr);

} // namespace tz
