#include <tz/engine/lane.hpp>
#include <tz/engine/lane_reader.hpp>
#include <tz/engine/listed_piece.hpp>
#include <tz/engine/passage.hpp>
#include <tz/engine/placement.hpp>
#include <tz/engine/put.hpp>
#include <tz/engine/refetch.hpp>
#include <tz/engine/sink.hpp>
#include <tz/format/error.hpp>
#include <tz/format/name.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace tz {

namespace {

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

void begin_tensors(Job& job, Passage& passage) {
    for (const Segment& segment : passage.chunk.segments)
        if (segment.header)
            job.transform.take_header(segment.item, passage.placement.staged(segment));
}

/// What is wrong with the headers that came with the chunk.
awaitable<std::optional<Error>> try_headers(Job& job, Loop& loop, Passage& passage) {
    std::optional<Error> wrong;
    auto parse = [&job, &passage, &wrong](JobTimes&) {
        try {
            begin_tensors(job, passage);
        } catch (const Error& error) {
            if (error.kind() != errc::format) // a hash that is missing will not come
                throw;
            wrong.emplace(error);
        }
    };
    co_await work(loop, passage, parse);
    co_return wrong;
}

awaitable<void> parse_headers(Job& job, Loop& loop, Passage& passage) {
    std::optional<Error> wrong = co_await try_headers(job, loop, passage);
    while (wrong) {
        co_await fetch_chunk_again(job, passage, *wrong);
        wrong = co_await try_headers(job, loop, passage);
    }
}

/// Takes the headers that came with the chunk, and says so to who waits for them.
awaitable<void> bring_headers(Job& job, Loop& loop, Passage& passage) {
    if (job.files[passage.chunk.source].layout->has_headers())
        co_await parse_headers(job, loop, passage);
    else
        begin_tensors(job, passage); // nothing to parse, which no worker is needed for
    if (passage.chunk.long_header) { // before more is taken of the same budget
        passage.placement.long_header.reset();
        job.scratch.give_back(long_header_cost(passage.chunk));
    }
    for (const Segment& segment : passage.chunk.segments) {
        if (!segment.header)
            continue;
        if (job.options.sink)
            job.options.sink->take_header(segment.item, job.arrivals[segment.item].header);
        co_await provide_scratch(job, segment.item);
        job.arrivals[segment.item].gate.advance(1);
    }
}

/// Takes the headers in the chunk, and waits for the one that came with an earlier chunk.
awaitable<void> take_headers(Job& job, Loop& loop, Passage& passage) {
    const auto segments = passage.chunk.segments;
    if (segments.empty())
        co_return; // of a piece
    if (!segments.front().header) {
        Gate& gate = job.arrivals[segments.front().item].gate;
        if (gate.value() < 1)
            co_await gate.reached(1);
    }
    if (std::ranges::any_of(segments, &Segment::header))
        co_await bring_headers(job, loop, passage);
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

/// Its hashes fit.
void complete(Job& job, Passage& passage, std::uint32_t item) {
    ++job.tensors_done;
    if (job.arrivals[item].scratch) {
        job.arrivals[item].scratch.reset();
        job.scratch.give_back(job.items[item].read.bytes);
    }
    if (job.options.sink)
        passage.complete.push_back(item);
    else if (job.delivery)
        job.delivery->complete(item);
}

/// Counts what is through; the last segment of a tensor settles its hashes.
void count(Job& job, Passage& passage, const Chunk& chunk, std::span<const Taken> taken) {
    for (std::size_t i = 0; i < chunk.segments.size(); ++i) {
        const Segment& segment = chunk.segments[i];
        const format::Crc32 crc32 = i < taken.size() ? taken[i].crc32 : 0;
        const bool last = job.transform.count(segment.item, segment.range.bytes, crc32);
        if (!segment.header)
            job.bytes_done += segment.range.bytes;
        if (!last)
            continue;
        if (const auto error = job.transform.settle(segment.item))
            passage.damaged.push_back({segment.item, *error});
        else
            complete(job, passage, segment.item);
    }
}

/// All steps are done. What belongs to a piece counts with all of it, if its hash fits.
void finish(Job& job, Passage& passage) {
    if (passage.listed == nullptr)
        return count(job, passage, passage.chunk, passage.taken);
    ListedPiece& piece = *passage.listed;
    if (!piece.add(passage.chunk, std::move(passage.taken)))
        return;
    if (const auto error = piece.settle())
        throw Error(*error);
    for (const auto& [chunk, taken] : piece.through())
        count(job, passage, *chunk, taken);
}

/// Tensors whose hashes don't fit: all of them are here, so nobody but this lane has them.
awaitable<void> mend(Job& job, Loop& loop, Passage& passage) {
    for (const DamagedTensor& damaged : passage.damaged) {
        co_await fetch_tensor_again(job, loop, passage, damaged);
        complete(job, passage, damaged.item);
    }
}

/// What is left to do with the bytes of a chunk, whose headers are known.
struct Steps {
    bool data = false;    ///< copy, open or check something
    bool ordered = false; ///< hash something in the order of its tensor
};

Steps steps_of(const Job& job, const Passage& passage) {
    Steps steps;
    steps.data = steps.ordered = passage.listed != nullptr;
    for (std::size_t i = 0; i < passage.chunk.segments.size(); ++i) {
        if (i < passage.taken.size() && passage.taken[i].done)
            continue; // by the sink
        const Segment& segment = passage.chunk.segments[i];
        const Arrival& arrival = job.arrivals[segment.item];
        // settling a SHA-256 or a digest is work too, even of a tensor without data
        steps.data = steps.data || arrival.hashed_in_order();
        if (segment.header)
            continue;
        steps.ordered = steps.ordered || arrival.hashed_in_order();
        // what goes nowhere, or to a sink, stays where it was read to
        const bool moves =
            job.options.memory != Memory::none && !passage.placement.brings_home(job, segment);
        steps.data = steps.data || moves || arrival.checks.crc32 || arrival.header.seal;
    }
    return steps;
}

/// Whether ending a tensor of the chunk takes a worker.
bool settles_hashes(const Job& job, const Passage& passage) {
    const auto segments = passage.chunk.segments;
    return passage.listed != nullptr ||
           std::any_of(segments.begin(), segments.end(), [&job](const Segment& segment) {
               return job.arrivals[segment.item].hashed_in_order();
           });
}

/// Goes on where it ended. The piece that is damaged, if one is.
std::optional<DamagedPiece> take_data(Job& job, Passage& passage, JobTimes& times) {
    const auto segments = passage.chunk.segments;
    passage.taken.resize(segments.size());
    for (std::size_t i = 0; i < segments.size(); ++i) {
        Taken& taken = passage.taken[i];
        if (segments[i].header || taken.done)
            continue;
        const auto bytes = passage.placement.bytes_of(job, segments[i]);
        if (auto damaged =
                job.transform.take_data(segments[i], bytes, passage.keys[i], taken, times))
            return damaged;
    }
    return {};
}

/// Where the segment stands in the order of its tensor's hashes, as a value of the gate.
std::uint64_t turn_of(const Job& job, const Segment& segment) {
    if (job.arrivals[segment.item].gathered)
        return 1;
    return 1 + segment.range.offset - job.tensor(segment.item).data.offset;
}

/// The chunk's part of a hash that its manifest lists.
awaitable<void> hash_listed(Job& job, Loop& loop, Passage& passage, HashTask& task) {
    ListedPiece& piece = *passage.listed;
    const std::span<const std::byte> bytes = body_bytes(job, passage);
    if (!piece.has_zeros(passage.chunk)) {
        task.parts.push_back(piece.take(bytes));
        task.bytes += bytes.size();
        co_return;
    }
    auto hash = [&piece, &passage, bytes](JobTimes& times) {
        piece.hash(passage.chunk, bytes, times);
    };
    co_await work(loop, passage, hash);
}

/// Waits for the chunk's turn in each of its tensors' hash chains and continues them.
awaitable<void> hash_in_order(Job& job, Loop& loop, Passage& passage) {
    const auto segments = passage.chunk.segments;
    HashTask task;
    if (passage.listed != nullptr)
        co_await hash_listed(job, loop, passage, task);
    for (std::size_t i = 0; i < segments.size(); ++i) {
        Arrival& arrival = job.arrivals[segments[i].item];
        const std::span<const std::byte> plain = passage.taken[i].plain;
        if (plain.empty() || !arrival.hashed_in_order())
            continue;
        const std::uint64_t turn = turn_of(job, segments[i]);
        if (arrival.gate.value() < turn)
            co_await arrival.gate.reached(turn);
        job.transform.list_hashes(segments[i].item, plain, task.parts);
        task.bytes += plain.size();
    }
    task.then = [&job, &passage](const JobTimes& times, double share) {
        passage.meter.worked(times, share);
        for (std::size_t i = 0; i < passage.taken.size(); ++i) {
            const Segment& segment = passage.chunk.segments[i];
            const std::size_t hashed = passage.taken[i].plain.size();
            if (hashed > 0 && job.arrivals[segment.item].hashed_in_order())
                job.arrivals[segment.item].gate.advance(turn_of(job, segment) + hashed);
        }
        if (!job.options.sink)
            finish(job, passage);
    };
    co_await job.hashes.run(task, loop.workers());
}

/// What is there counts when the sink has it.
awaitable<void> give_to_sink(Job& job, Loop& loop, Passage& passage, bool hashed) {
    co_await put_segments(job, loop, passage, passage.chunk.segments, passage.taken);
    if (!hashed)
        co_return finish(job, passage);
    auto end = [&job, &passage](JobTimes&) { finish(job, passage); };
    co_await work(loop, passage, end);
}

/// The chunk is where it belongs, unverified, or belongs nowhere: no worker is needed, each of
/// which costs the loop a turn.
awaitable<void> hand_on(Job& job, Loop& loop, Passage& passage) {
    if (!job.options.sink)
        co_return finish(job, passage);
    JobTimes times;
    take_data(job, passage, times); // notes what lies where
    co_await give_to_sink(job, loop, passage, false);
}

/// Copies, verifies and decrypts what was read.
awaitable<void> transform(Job& job, Loop& loop, Passage& passage) {
    if (job.options.sink && passage.listed == nullptr)
        co_await put_sealed(job, loop, passage);
    const Steps steps = steps_of(job, passage);
    if (!steps.data)
        co_return co_await hand_on(job, loop, passage);
    std::optional<DamagedPiece> damaged;
    do {
        auto take = [&job, &passage, &damaged, ordered = steps.ordered](JobTimes& times) {
            damaged = take_data(job, passage, times);
            if (!ordered && !damaged && !job.options.sink)
                finish(job, passage);
        };
        co_await work(loop, passage, take);
        if (damaged)
            co_await fetch_piece_again(job, passage, *damaged);
    } while (damaged);
    if (steps.ordered)
        co_await hash_in_order(job, loop, passage);
    if (job.options.sink)
        co_await give_to_sink(job, loop, passage, settles_hashes(job, passage));
    co_await mend(job, loop, passage);
}

/// Brings one chunk home.
awaitable<void> pass(Job& job, Loop& loop, Passage& passage) {
    passage.placement = co_await place(job, passage.chunk, passage.reader, loop, passage.slot);
    co_await show_staging(job, loop, passage);
    co_await read_chunk(passage);
    co_await take_headers(job, loop, passage);
    co_await find_keys(job, loop, passage);
    co_await transform(job, loop, passage);
    co_await put_ends(job, loop, passage);
}

awaitable<void> bring_home(
    Job& job,
    Hosts& hosts,
    Loop& loop,
    LaneReader& reader,
    const Chunk& chunk,
    ListedPiece* piece,
    Seat seat) {
    const ChunkMeter meter(job.meter, seat.index, job.plan.index_of(chunk), chunk.body.bytes);
    try {
        Passage passage(chunk, reader.of(chunk.source), seat.index, meter);
        passage.listed = piece;
        co_await pass(job, loop, passage);
        note_refetches(job, hosts, loop, passage);
    } catch (const Error& error) {
        throw error.in(job.files[chunk.source].source->name());
    }
}

/// One chunk after the other.
awaitable<void>
bring_piece(Job& job, Hosts& hosts, Loop& loop, LaneReader& reader, const Chunk& first, Seat seat) {
    ListedPiece piece(job, first);
    for (const Chunk& chunk : std::span(&first, first.piece_chunks))
        co_await bring_home(job, hosts, loop, reader, chunk, &piece, seat);
}

} // namespace

awaitable<void> lane(Job& job, Hosts& hosts, Loop& loop, Seat seat) {
    LaneReader reader(
        hosts, loop, [&job](std::uint32_t file) { return job.files[file].mapping.get(); });
    // what holds memory beside the staging is let go by later chunks: see Queue
    const MayPark may_park = [&job] { return !job.scratch.in_use(); };
    const UseChunk use = [&job, &hosts, &loop, &reader, seat](const Chunk& chunk) {
        return chunk.piece_chunks > 0 ? bring_piece(job, hosts, loop, reader, chunk, seat)
                                      : bring_home(job, hosts, loop, reader, chunk, nullptr, seat);
    };
    co_await draw_all(*job.queues[seat.queue], seat.place, reader, may_park, use);
}

} // namespace tz
