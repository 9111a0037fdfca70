#include <tz/engine/lane.hpp>
#include <tz/engine/placement.hpp>
#include <tz/format/error.hpp>
#include <tz/format/name.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace tz {

namespace {

/// One chunk on its way through a lane.
struct Work {
    const Chunk& chunk;
    Placement placement;
    std::vector<const format::Secret*> keys;       ///< by segment; null for plain data
    std::vector<std::span<const std::byte>> plain; ///< by segment: where its plaintext is
};

/// A tensor that has to be gathered though it goes nowhere gets memory, within the budget.
awaitable<void> provide_scratch(Job& job, std::uint32_t index) {
    Arrival& arrival = job.arrivals[index];
    const auto& tensor = job.layout.tensors[index];
    if (!arrival.gathered || !arrival.destination.empty())
        co_return;
    if (tensor.data.bytes > job.scratch.bytes())
        throw Error(
            errc::limit,
            "tensor '" + format::display_name(tensor.name) + "' is sealed in pieces of " +
                std::to_string(arrival.header.seal->piece_bytes) + " bytes and needs " +
                std::to_string(tensor.data.bytes) + " bytes of memory at once",
            tensor.header.offset,
            "raise --memory-limit");
    co_await job.scratch.take(tensor.data.bytes);
    arrival.scratch = std::make_unique<HostMemory>(tensor.data.bytes);
    arrival.destination = arrival.scratch->bytes().first(tensor.data.bytes);
}

/// Parses the headers in the chunk, and waits for the one that came with an earlier chunk.
awaitable<void> take_headers(Job& job, Loop& loop, Work& work) {
    const auto segments = work.chunk.segments;
    if (segments.front().header) {
        auto parse = [&job, &work] {
            for (const Segment& segment : work.chunk.segments)
                if (segment.header)
                    job.transform.take_header(segment.tensor, work.placement.staged(segment));
        };
        co_await loop.workers().run(std::move(parse));
        if (work.placement.long_header) { // before more is taken of the same budget
            work.placement.long_header.reset();
            job.scratch.give_back(long_header_cost(work.chunk));
        }
        for (const Segment& segment : segments) {
            if (!segment.header)
                continue;
            co_await provide_scratch(job, segment.tensor);
            job.arrivals[segment.tensor].gate.advance(1);
        }
    } else {
        Gate& gate = job.arrivals[segments.front().tensor].gate;
        if (gate.value() < 1)
            co_await gate.reached(1);
    }
    work.keys.assign(segments.size(), nullptr);
    if (job.options.headers_only || !job.layout.encrypted)
        co_return;
    for (std::size_t i = 0; i < segments.size(); ++i) {
        const auto& header = job.arrivals[segments[i].tensor].header;
        if (segments[i].header || !header.seal)
            continue;
        const std::uint64_t offset = job.layout.tensors[segments[i].tensor].header.offset;
        work.keys[i] = co_await job.keys.key_of(*header.seal, offset, loop.workers());
    }
}

/// Counts what is through; the last segment of a tensor settles its hashes.
void finish(Job& job, const Work& work) {
    for (const Segment& segment : work.chunk.segments) {
        const auto& tensor = job.layout.tensors[segment.tensor];
        const bool scratch = job.arrivals[segment.tensor].scratch != nullptr;
        const bool complete = job.transform.finish(segment.tensor, segment.range.bytes);
        if (!segment.header)
            job.bytes_done += segment.range.bytes;
        if (!complete)
            continue;
        ++job.tensors_done;
        if (scratch)
            job.scratch.give_back(tensor.data.bytes);
    }
}

/// What is left to do with the bytes of a chunk, whose headers are known.
struct Steps {
    bool data = false;    ///< copy, open or check something
    bool ordered = false; ///< hash something in the order of its tensor
};

Steps steps_of(const Job& job, const Work& work) {
    Steps steps;
    for (const Segment& segment : work.chunk.segments) {
        const Arrival& arrival = job.arrivals[segment.tensor];
        // settling a SHA-256 or a digest is work too, even of a tensor without data
        steps.data = steps.data || arrival.hashed_in_order();
        if (segment.header)
            continue;
        steps.ordered = steps.ordered || arrival.hashed_in_order();
        steps.data = steps.data || !work.placement.in_place || arrival.checks.crc32;
    }
    return steps;
}

void take_data(Job& job, Work& work) {
    const auto segments = work.chunk.segments;
    work.plain.resize(segments.size());
    for (std::size_t i = 0; i < segments.size(); ++i)
        if (!segments[i].header)
            work.plain[i] = job.transform.take_data(
                segments[i], work.placement.bytes_of(job, segments[i]), work.keys[i]);
}

/// Where the segment stands in the order of its tensor's hashes, as a value of the gate.
std::uint64_t turn_of(const Job& job, const Segment& segment) {
    if (job.arrivals[segment.tensor].gathered)
        return 1;
    return 1 + segment.range.offset - job.layout.tensors[segment.tensor].data.offset;
}

/// Waits for the chunk's turn in each of its tensors' hash chains and continues them.
awaitable<void> hash_in_order(Job& job, Loop& loop, Work& work) {
    const auto segments = work.chunk.segments;
    const auto hashed = [&](std::size_t i) {
        return !work.plain[i].empty() && job.arrivals[segments[i].tensor].hashed_in_order();
    };
    for (std::size_t i = 0; i < segments.size(); ++i) {
        Gate& gate = job.arrivals[segments[i].tensor].gate;
        const std::uint64_t turn = hashed(i) ? turn_of(job, segments[i]) : 0;
        if (gate.value() < turn)
            co_await gate.reached(turn);
    }
    auto hash = [&job, &work, hashed] {
        for (std::size_t i = 0; i < work.plain.size(); ++i) {
            if (!hashed(i))
                continue;
            const Segment& segment = work.chunk.segments[i];
            job.transform.hash(segment.tensor, work.plain[i]);
            job.arrivals[segment.tensor].gate.advance(turn_of(job, segment) + work.plain[i].size());
        }
        finish(job, work);
    };
    co_await loop.workers().run(std::move(hash));
}

/// Copies, verifies and decrypts what was read.
awaitable<void> transform(Job& job, Loop& loop, Work& work) {
    const Steps steps = steps_of(job, work);
    if (!steps.data)
        co_return finish(job, work); // it was read to where it belongs, unverified
    auto take = [&job, &work, ordered = steps.ordered] {
        take_data(job, work);
        if (!ordered)
            finish(job, work);
    };
    co_await loop.workers().run(std::move(take));
    if (steps.ordered)
        co_await hash_in_order(job, loop, work);
}

} // namespace

awaitable<void> lane(Job& job, Loop& loop, unsigned index, unsigned slot) {
    const auto reader = job.source.reader(loop, job.read);
    while (const Chunk* chunk = job.plan.next(index)) {
        Work work{*chunk, {}, {}, {}};
        work.placement = co_await place(job, *chunk, *reader, loop, slot);
        const Placement& placement = work.placement;
        co_await reader->read(placement.route, placement.offset, placement.to, placement.need);
        co_await take_headers(job, loop, work);
        co_await transform(job, loop, work);
    }
}

} // namespace tz
