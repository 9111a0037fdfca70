#include <tz/engine/put.hpp>
#include <tz/engine/sink.hpp>

#include <algorithm>
#include <optional>
#include <vector>

namespace tz {

namespace {

bool has_bytes(const Job& job, const Segment& segment, const Taken& taken) {
    return !segment.header && !taken.plain.empty() && job.items[segment.item].bytes > 0;
}

/// What the sink gets of a segment. Of a slice the bytes between its runs are left out.
Part part_of(const Job& job, const Segment& segment, const Taken& taken) {
    const Item& item = job.items[segment.item];
    const bool gathered = job.arrivals[segment.item].gathered;
    const std::uint64_t begin = gathered ? item.read.offset : segment.range.offset;
    if (item.linear())
        return {segment.item, begin - item.read.offset, taken.plain};
    const RunPart kept = gather_runs(item.runs, begin - item.tensor->data.offset, taken.plain);
    return {segment.item, kept.to, taken.plain.first(kept.bytes)};
}

std::vector<Part>
parts_of(const Job& job, std::span<const Segment> segments, std::span<const Taken> taken) {
    std::vector<Part> parts;
    for (std::size_t i = 0; i < segments.size(); ++i) {
        if (!has_bytes(job, segments[i], taken[i]))
            continue;
        const Part part = part_of(job, segments[i], taken[i]);
        if (!part.bytes.empty())
            parts.push_back(part);
    }
    return parts;
}

/// Sealed data of a segment, if the sink opens it: whole pieces of which nothing else is asked.
std::optional<SealedPart>
sealed_part_of(const Job& job, const Passage& passage, std::size_t index) {
    const Segment& segment = passage.chunk.segments[index];
    const Item& item = job.items[segment.item];
    const Arrival& arrival = job.arrivals[segment.item];
    if (segment.header || !arrival.header.seal || arrival.gathered || !item.linear() ||
        item.bytes == 0 || arrival.checks.crc32 || arrival.hashed_in_order())
        return {};
    const std::uint64_t piece_bytes = arrival.header.seal->piece_bytes;
    if (!job.options.sink->opens_seals(piece_bytes))
        return {};
    SealedPart part;
    part.item = segment.item;
    part.offset = segment.range.offset - item.read.offset;
    part.bytes = passage.placement.bytes_of(job, segment);
    part.seal = &*arrival.header.seal;
    part.first_piece = (segment.range.offset - item.tensor->data.offset) / piece_bytes;
    part.key = passage.keys[index];
    return part;
}

bool has_slices(const Job& job, std::span<const Segment> segments) {
    return std::any_of(segments.begin(), segments.end(), [&job](const Segment& segment) {
        return !segment.header && !job.items[segment.item].linear();
    });
}

} // namespace

awaitable<void> show_staging(Job& job, Loop& loop, Passage& passage) {
    const std::span<std::byte> staging = loop.staging(passage.slot);
    if (job.options.sink && passage.placement.staging.data() == staging.data())
        co_await job.options.sink->stage(loop, staging);
}

awaitable<void> put_segments(
    Job& job,
    Loop& loop,
    Passage& passage,
    std::span<const Segment> segments,
    std::span<const Taken> taken) {
    std::vector<Part> parts;
    if (has_slices(job, segments)) { // bytes are moved
        auto list = [&job, &parts, segments, taken](JobTimes& times) {
            const JobTimes::Scope scope(times, Stage::copy, 0);
            parts = parts_of(job, segments, taken);
        };
        co_await work(loop, passage, list);
    } else {
        parts = parts_of(job, segments, taken);
    }
    if (parts.empty())
        co_return;
    std::uint64_t bytes = 0;
    for (const Part& part : parts)
        bytes += part.bytes.size();
    passage.meter.put_begins();
    co_await job.options.sink->put(loop, parts);
    passage.meter.put_ends(bytes);
}

awaitable<void> put_sealed(Job& job, Loop& loop, Passage& passage) {
    std::vector<SealedPart> parts;
    std::vector<std::size_t> places;
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < passage.chunk.segments.size(); ++i) {
        if (const auto part = sealed_part_of(job, passage, i)) {
            parts.push_back(*part);
            places.push_back(i);
            bytes += part->bytes.size();
        }
    }
    if (parts.empty())
        co_return;
    passage.meter.put_begins();
    const std::vector<bool> opened = co_await job.options.sink->open_sealed(loop, parts);
    passage.meter.put_ends(bytes);
    passage.taken.resize(passage.chunk.segments.size());
    for (std::size_t i = 0; i < parts.size(); ++i)
        passage.taken[places[i]].done = opened[i];
}

awaitable<void> put_ends(Job& job, Loop& loop, Passage& passage) {
    if (passage.complete.empty())
        co_return;
    co_await job.options.sink->complete(loop, passage.complete);
    for (const std::uint32_t item : passage.complete)
        job.delivery->complete(item);
}

} // namespace tz
