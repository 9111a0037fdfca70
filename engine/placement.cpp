#include <tz/engine/huge_pages.hpp>
#include <tz/engine/listed_piece.hpp>
#include <tz/engine/placement.hpp>
#include <tz/format/error.hpp>

#include <cassert>
#include <string>

namespace tz {

namespace {

// More segments than this are read into staging in one piece rather than scattered to their
// tensors.
constexpr std::size_t scattered_max = 128;

/// Whether the segment's bytes can be read to where they are handed out, and only there.
bool has_home(const Job& job, const Segment& segment) {
    return !segment.header && job.items[segment.item].linear() &&
           !job.arrivals[segment.item].destination.empty();
}

std::span<std::byte> home_of(const Job& job, const Segment& segment) {
    const std::uint64_t position = segment.range.offset - job.items[segment.item].read.offset;
    return job.arrivals[segment.item].destination.subspan(position, segment.range.bytes);
}

/// Whether the chunk's data can be read straight to where it belongs.
bool goes_in_place(const Job& job, const Chunk& chunk, Route route) {
    if (job.options.memory == Memory::none || job.files[chunk.source].layout->encrypted)
        return false;
    if (chunk.by_pieces && !is_one_segment(chunk))
        return false; // what is hashed lies together
    if (route != Route::direct)
        return chunk.segments.size() <= scattered_max;
    if (HugePages::of_process().too_dear())
        return false; // reads past the page cache into small pages are slow
    const Segment& last = chunk.segments.back();
    // whole blocks are written, for which only our own memory has room
    return job.options.memory != Memory::given && has_home(job, last) &&
           chunk.segments.size() <= 2 && reads_in_place(job.items[last.item]) &&
           last.range.offset % direct_alignment == 0;
}

/// The file's bytes in order, headers and gaps to staging, data to its tensors.
void scatter(const Job& job, const Chunk& chunk, Placement& placement) {
    std::uint64_t at = placement.offset;
    const auto stage = [&](std::uint64_t end) {
        if (end <= at)
            return;
        // fresh: few lanes have staged here before
        const auto to = placement.staging.subspan(at - placement.offset, end - at);
        placement.to.push_back(Buffer{to, -1, true});
        at = end;
    };
    for (const Segment& segment : chunk.segments) {
        if (!has_home(job, segment))
            continue;
        stage(segment.range.offset);
        auto to = home_of(job, segment);
        if (placement.route == Route::direct) // lay_out() left room up to the next block
            to = {to.data(), round_up(to.size(), direct_alignment)};
        placement.to.push_back(Buffer{to, -1, true});
        at = segment.range.end();
    }
    stage(chunk.body.end());
}

/// The pages of the file itself stand for the staging.
Placement place_mapped(const Mapping& mapping, const Chunk& chunk, Reader& reader) {
    Placement placement;
    placement.route = reader.route(chunk.body.offset, chunk.body.bytes);
    placement.offset = chunk.body.offset;
    placement.need = chunk.body.bytes;
    placement.staging = mapping.bytes().subspan(placement.offset, placement.need);
    placement.to.push_back(Buffer{placement.staging, -1, false});
    return placement;
}

/// Takes what a header larger than a chunk costs of the budget; its lane gives it back.
awaitable<void> take_long_header(Job& job, const Chunk& chunk) {
    const std::uint64_t cost = long_header_cost(chunk);
    if (cost > job.scratch.bytes())
        throw Error(
            errc::limit,
            "a tensor header of " + std::to_string(chunk.body.bytes) + " bytes needs " +
                std::to_string(cost) + " bytes of memory beside the staging",
            chunk.body.offset,
            "raise --memory-limit");
    co_await job.scratch.take(cost);
}

/// It is read into memory of its own.
Placement place_long_header(const Chunk& chunk) {
    Placement placement;
    placement.long_header = std::make_unique<HostMemory>(chunk.body.bytes);
    placement.route = Route::buffered;
    placement.offset = chunk.body.offset;
    placement.need = chunk.body.bytes;
    placement.staging = placement.long_header->bytes().first(chunk.body.bytes);
    placement.to.push_back(Buffer{placement.staging, -1, true});
    return placement;
}

Placement place_nothing(const Chunk& chunk) {
    Placement placement;
    placement.offset = chunk.body.offset;
    return placement;
}

} // namespace

std::uint64_t long_header_cost(const Chunk& chunk) {
    return 2 * chunk.body.bytes;
}

std::span<std::byte> Placement::staged(const Segment& segment) const {
    return staging.subspan(segment.range.offset - offset, segment.range.bytes);
}

std::span<std::byte> Placement::bytes_of(const Job& job, const Segment& segment) const {
    return in_place && has_home(job, segment) ? home_of(job, segment) : staged(segment);
}

bool Placement::brings_home(const Job& job, const Segment& segment) const {
    return has_home(job, segment) && bytes_of(job, segment).data() == home_of(job, segment).data();
}

awaitable<Placement>
place(Job& job, const Chunk& chunk, Reader& reader, Loop& loop, unsigned slot) {
    if (chunk.long_header)
        co_await take_long_header(job, chunk);
    if (chunk.body.bytes == 0)
        co_return place_nothing(chunk);
    if (const auto& mapping = job.files[chunk.source].mapping)
        co_return place_mapped(*mapping, chunk, reader);
    if (chunk.long_header)
        co_return place_long_header(chunk);
    Placement placement;
    placement.route = reader.route(chunk.body.offset, chunk.body.bytes);
    placement.in_place = goes_in_place(job, chunk, placement.route);
    const bool direct = placement.route == Route::direct;
    const std::uint64_t unit = direct ? job.files[chunk.source].source->alignment() : 1;
    placement.offset = round_down(chunk.body.offset, unit);
    placement.need = chunk.body.end() - placement.offset;
    placement.staging = loop.staging(slot);
    loop.note_staging(slot);
    assert(!direct || unit == direct_alignment); // what lay_out() prepares for
    if (placement.in_place) {
        scatter(job, chunk, placement);
        co_return placement;
    }
    Buffer staging;
    staging.bytes = placement.staging;
    if (direct)
        staging = co_await loop.pinned_staging(slot);
    staging.bytes = staging.bytes.first(round_up(placement.need, unit));
    placement.to.push_back(staging);
    co_return placement;
}

} // namespace tz
