#include <tz/engine/alignment.hpp>
#include <tz/engine/loop.hpp>
#include <tz/engine/meter.hpp>
#include <tz/engine/staged_read.hpp>

namespace tz {

awaitable<std::span<std::byte>> read_staged(
    Reader& reader,
    const Source& source,
    Loop& loop,
    unsigned slot,
    std::uint64_t offset,
    std::size_t bytes,
    ChunkMeter* meter) {
    const Route route = reader.route(offset, bytes);
    Buffer staging;
    staging.bytes = loop.staging(slot);
    loop.note_staging(slot);
    std::size_t room = bytes;
    if (route == Route::direct) {
        staging = co_await loop.pinned_staging(slot);
        room = round_up(bytes, source.alignment());
    }
    staging.bytes = staging.bytes.first(room);
    const std::span<const Buffer> to(&staging, 1);
    if (meter != nullptr)
        meter->read_begins(route);
    co_await reader.read(route, offset, to, bytes);
    if (meter != nullptr)
        meter->read_ends(route);
    co_return staging.bytes.first(bytes);
}

} // namespace tz
