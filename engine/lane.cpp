#include <tz/engine/lane.hpp>
#include <tz/engine/lane_reader.hpp>
#include <tz/engine/placement.hpp>
#include <tz/format/error.hpp>
#include <tz/format/name.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace tz {

namespace {

/// One chunk on its way through a lane.
struct Passage {
    const Chunk& chunk;
    ChunkMeter meter;
    Placement placement;
    std::vector<const format::Secret*> keys;       ///< by segment; null for plain data
    std::vector<std::span<const std::byte>> plain; ///< by segment: where its plaintext is
};

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

/// A tensor that is gathered, but not in its destination, gets memory within the budget.
awaitable<void> provide_scratch(Job& job, std::uint32_t index) {
    Arrival& arrival = job.arrivals[index];
    const Item& item = job.items[index];
    if (!arrival.gathered || (item.linear() && !arrival.destination.empty()))
        co_return;
    const std::uint64_t bytes = item.read.bytes;
    if (bytes > job.scratch.bytes())
        throw Error(
            errc::limit,
            format::tensor_label(item.tensor->name) + " is sealed in pieces of " +
                std::to_string(arrival.header.seal->piece_bytes) + " bytes and needs " +
                std::to_string(bytes) + " bytes of memory at once",
            item.tensor->header.offset,
            "raise --memory-limit");
    co_await job.scratch.take(bytes);
    arrival.scratch = std::make_unique<HostMemory>(bytes);
}

/// Parses the headers that came with the chunk, and says so to who waits for them.
awaitable<void> parse_headers(Job& job, Loop& loop, Passage& passage) {
    auto parse = [&job, &passage](JobTimes&) {
        for (const Segment& segment : passage.chunk.segments)
            if (segment.header)
                job.transform.take_header(segment.item, passage.placement.staged(segment));
    };
    co_await work(loop, passage, parse);
    if (passage.chunk.long_header) { // before more is taken of the same budget
        passage.placement.long_header.reset();
        job.scratch.give_back(long_header_cost(passage.chunk));
    }
    for (const Segment& segment : passage.chunk.segments) {
        if (!segment.header)
            continue;
        co_await provide_scratch(job, segment.item);
        job.arrivals[segment.item].gate.advance(1);
    }
}

/// Parses the headers in the chunk, or waits for the one that came with an earlier chunk.
awaitable<void> take_headers(Job& job, Loop& loop, Passage& passage) {
    const auto segments = passage.chunk.segments;
    if (segments.front().header) {
        co_await parse_headers(job, loop, passage);
    } else {
        Gate& gate = job.arrivals[segments.front().item].gate;
        if (gate.value() < 1)
            co_await gate.reached(1);
    }
}

awaitable<void> find_keys(Job& job, Loop& loop, Passage& passage) {
    const auto segments = passage.chunk.segments;
    JobFile& file = job.files[passage.chunk.source];
    passage.keys.assign(segments.size(), nullptr);
    if (job.transform.headers_only || !file.layout->encrypted)
        co_return;
    for (std::size_t i = 0; i < segments.size(); ++i) {
        const auto& header = job.arrivals[segments[i].item].header;
        if (segments[i].header || !header.seal)
            continue;
        const std::uint64_t offset = job.tensor(segments[i].item).header.offset;
        passage.keys[i] = co_await file.keys->key_of(*header.seal, offset, loop.workers());
    }
}

/// Counts what is through; the last segment of a tensor settles its hashes.
void finish(Job& job, const Passage& passage) {
    for (const Segment& segment : passage.chunk.segments) {
        const bool scratch = job.arrivals[segment.item].scratch != nullptr;
        const bool complete = job.transform.finish(segment.item, segment.range.bytes);
        if (!segment.header)
            job.bytes_done += segment.range.bytes;
        if (!complete)
            continue;
        ++job.tensors_done;
        if (scratch)
            job.scratch.give_back(job.items[segment.item].read.bytes);
        if (job.delivery)
            job.delivery->complete(segment.item);
    }
}

/// What is left to do with the bytes of a chunk, whose headers are known.
struct Steps {
    bool data = false;    ///< copy, open or check something
    bool ordered = false; ///< hash something in the order of its tensor
};

Steps steps_of(const Job& job, const Passage& passage) {
    Steps steps;
    for (const Segment& segment : passage.chunk.segments) {
        const Arrival& arrival = job.arrivals[segment.item];
        // settling a SHA-256 or a digest is work too, even of a tensor without data
        steps.data = steps.data || arrival.hashed_in_order();
        if (segment.header)
            continue;
        steps.ordered = steps.ordered || arrival.hashed_in_order();
        steps.data =
            steps.data || arrival.checks.crc32 || !passage.placement.brings_home(job, segment);
    }
    return steps;
}

void take_data(Job& job, Passage& passage, JobTimes& times) {
    const auto segments = passage.chunk.segments;
    passage.plain.resize(segments.size());
    for (std::size_t i = 0; i < segments.size(); ++i)
        if (!segments[i].header)
            passage.plain[i] = job.transform.take_data(
                segments[i], passage.placement.bytes_of(job, segments[i]), passage.keys[i], times);
}

/// Where the segment stands in the order of its tensor's hashes, as a value of the gate.
std::uint64_t turn_of(const Job& job, const Segment& segment) {
    if (job.arrivals[segment.item].gathered)
        return 1;
    return 1 + segment.range.offset - job.tensor(segment.item).data.offset;
}

/// Waits for the chunk's turn in each of its tensors' hash chains and continues them.
awaitable<void> hash_in_order(Job& job, Loop& loop, Passage& passage) {
    const auto segments = passage.chunk.segments;
    HashTask task;
    for (std::size_t i = 0; i < segments.size(); ++i) {
        Arrival& arrival = job.arrivals[segments[i].item];
        if (passage.plain[i].empty() || !arrival.hashed_in_order())
            continue;
        const std::uint64_t turn = turn_of(job, segments[i]);
        if (arrival.gate.value() < turn)
            co_await arrival.gate.reached(turn);
        job.transform.list_hashes(segments[i].item, passage.plain[i], task.parts);
        task.bytes += passage.plain[i].size();
    }
    task.then = [&job, &passage](const JobTimes& times, double share) {
        passage.meter.worked(times, share);
        for (std::size_t i = 0; i < passage.plain.size(); ++i) {
            const Segment& segment = passage.chunk.segments[i];
            if (!passage.plain[i].empty() && job.arrivals[segment.item].hashed_in_order())
                job.arrivals[segment.item].gate.advance(
                    turn_of(job, segment) + passage.plain[i].size());
        }
        finish(job, passage);
    };
    co_await job.hashes.run(task, loop.workers());
}

/// Copies, verifies and decrypts what was read.
awaitable<void> transform(Job& job, Loop& loop, Passage& passage) {
    const Steps steps = steps_of(job, passage);
    if (!steps.data)
        co_return finish(job, passage); // it was read to where it belongs, unverified
    auto take = [&job, &passage, ordered = steps.ordered](JobTimes& times) {
        take_data(job, passage, times);
        if (!ordered)
            finish(job, passage);
    };
    co_await work(loop, passage, take);
    if (steps.ordered)
        co_await hash_in_order(job, loop, passage);
}

/// Brings one chunk home.
awaitable<void> pass(Job& job, Loop& loop, Reader& reader, Passage& passage, unsigned slot) {
    passage.placement = co_await place(job, passage.chunk, reader, loop, slot);
    const Placement& placement = passage.placement;
    passage.meter.read_begins(placement.route);
    co_await reader.read(placement.route, placement.offset, placement.to, placement.need);
    passage.meter.read_ends(placement.route);
    co_await take_headers(job, loop, passage);
    co_await find_keys(job, loop, passage);
    co_await transform(job, loop, passage);
}

awaitable<void>
bring_home(Job& job, Loop& loop, LaneReader& reader, const Chunk& chunk, Seat seat) {
    const ChunkMeter meter(job.meter, seat.index, job.plan.index_of(chunk), chunk.body.bytes);
    Passage passage{chunk, meter, {}, {}, {}};
    try {
        co_await pass(job, loop, reader.of(chunk.source), passage, seat.index);
    } catch (const Error& error) {
        throw error.in(job.files[chunk.source].source->name());
    }
}

} // namespace

awaitable<void> lane(Job& job, Hosts& hosts, Loop& loop, Seat seat) {
    LaneReader reader(
        hosts, loop, [&job](std::uint32_t file) { return job.files[file].mapping.get(); });
    // what holds memory beside the staging is let go by later chunks: see Queue
    const MayPark may_park = [&job] { return !job.scratch.in_use(); };
    const UseChunk use = [&job, &loop, &reader, seat](const Chunk& chunk) {
        return bring_home(job, loop, reader, chunk, seat);
    };
    co_await draw_all(*job.queues[seat.queue], seat.place, reader, may_park, use);
}

} // namespace tz
