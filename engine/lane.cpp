#include <tz/engine/lane.hpp>
#include <tz/format/error.hpp>
#include <tz/format/name.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace tz {

namespace {

// More segments than this are read into staging in one piece rather than scattered to their
// tensors.
constexpr std::size_t scattered_max = 128;

std::uint64_t round_down(std::uint64_t value, std::uint64_t unit) {
    return value / unit * unit;
}

std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
    return round_down(value + unit - 1, unit);
}

/// Where the bytes of one chunk go.
struct Placement {
    Route route = Route::buffered;
    std::uint64_t offset = 0;     ///< where the read begins
    std::size_t need = 0;         ///< bytes from there to the end of the chunk's body
    std::vector<Buffer> to;       ///< what the read fills
    std::span<std::byte> staging; ///< stands for the file from `offset` on
    bool in_place = false;        ///< data goes straight to its tensors
};

/// One chunk on its way through a lane.
struct Work {
    const Chunk& chunk;
    Placement placement;
    std::vector<const format::Secret*> keys;       ///< by segment; null for plain data
    std::vector<std::span<const std::byte>> plain; ///< by segment: where its plaintext is
    std::unique_ptr<HostMemory> long_header;
};

const Segment& data_segment(const Chunk& chunk) {
    return chunk.segments.back();
}

std::span<std::byte> destination_of(const Job& job, const Segment& segment) {
    const std::uint64_t position =
        segment.range.offset - job.layout.tensors[segment.tensor].data.offset;
    return job.arrivals[segment.tensor].destination.subspan(position, segment.range.bytes);
}

/// Whether the chunk's data can be read straight to where it belongs.
bool goes_in_place(const Job& job, const Chunk& chunk, Route route) {
    if (job.options.memory != Memory::owned || job.layout.encrypted || job.options.headers_only)
        return false;
    const Segment& last = data_segment(chunk);
    if (route == Route::direct)
        return !last.header && chunk.segments.size() <= 2 &&
               reads_in_place(job.layout.tensors[last.tensor]) &&
               last.range.offset % direct_alignment == 0;
    return chunk.segments.size() <= scattered_max;
}

/// The file's bytes in order, headers and gaps to staging, data to its tensors.
void scatter(const Job& job, const Chunk& chunk, Placement& placement) {
    std::uint64_t at = placement.offset;
    const auto stage = [&](std::uint64_t end) {
        if (end <= at)
            return;
        placement.to.push_back(Buffer{placement.staging.subspan(at - placement.offset, end - at)});
        at = end;
    };
    for (const Segment& segment : chunk.segments) {
        if (segment.header || job.arrivals[segment.tensor].destination.empty())
            continue;
        stage(segment.range.offset);
        auto to = destination_of(job, segment);
        if (placement.route == Route::direct) // lay_out() left room up to the next block
            to = {to.data(), round_up(to.size(), direct_alignment)};
        placement.to.push_back(Buffer{to, -1, true});
        at = segment.range.end();
    }
    stage(chunk.body.end());
}

awaitable<Placement>
place(const Job& job, const Chunk& chunk, Reader& reader, Loop& loop, unsigned slot) {
    Placement placement;
    placement.route = reader.route(chunk.body.offset, chunk.body.bytes);
    placement.in_place = goes_in_place(job, chunk, placement.route);
    const bool direct = placement.route == Route::direct;
    const std::uint64_t unit = direct ? job.source.alignment() : 1;
    placement.offset = round_down(chunk.body.offset, unit);
    placement.need = chunk.body.end() - placement.offset;
    placement.staging = loop.staging(slot);
    if (placement.in_place) {
        scatter(job, chunk, placement);
        co_return placement;
    }
    loop.note_staging(slot);
    Buffer staging;
    staging.bytes = placement.staging;
    if (direct)
        staging = co_await loop.pinned_staging(slot);
    staging.bytes = staging.bytes.first(round_up(placement.need, unit));
    placement.to.push_back(staging);
    co_return placement;
}

/// A header larger than a chunk: read into memory of its own.
Placement place_long_header(Work& work) {
    const auto& body = work.chunk.body;
    work.long_header = std::make_unique<HostMemory>(body.bytes);
    Placement placement;
    placement.route = Route::buffered;
    placement.offset = body.offset;
    placement.need = body.bytes;
    placement.staging = work.long_header->bytes().first(body.bytes);
    placement.to.push_back(Buffer{placement.staging, -1, true});
    return placement;
}

std::span<std::byte> staged(const Work& work, const Segment& segment) {
    return work.placement.staging.subspan(
        segment.range.offset - work.placement.offset, segment.range.bytes);
}

std::span<std::byte> bytes_of(const Job& job, const Work& work, const Segment& segment) {
    const bool in_place = work.placement.in_place && !segment.header &&
                          !job.arrivals[segment.tensor].destination.empty();
    return in_place ? destination_of(job, segment) : staged(work, segment);
}

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
                    job.transform.take_header(segment.tensor, staged(work, segment));
        };
        co_await loop.workers().run(std::move(parse));
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
                segments[i], bytes_of(job, work, segments[i]), work.keys[i]);
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

awaitable<void> ScratchBudget::take(std::uint64_t bytes) {
    const std::uint64_t ticket = taken_.fetch_add(bytes) + bytes;
    if (ticket > bytes_)
        co_await freed_.reached(ticket - bytes_);
}

void ScratchBudget::give_back(std::uint64_t bytes) {
    freed_.advance(given_back_.fetch_add(bytes) + bytes);
}

Job::Job(
    const Source& from,
    const format::Layout& what,
    const LoadOptions& how,
    const PlanOptions& plan_options,
    std::uint64_t scratch_bytes)
    : source(from),
      layout(what),
      options(how),
      plan(what, plan_options),
      keys(what, how),
      arrivals(what.tensors.size()),
      transform{layout, options, arrivals, plan_options.chunk_bytes},
      scratch(scratch_bytes) {
    for (std::size_t i = 0; i < arrivals.size(); ++i) {
        const auto& tensor = layout.tensors[i];
        const std::uint64_t data = options.headers_only ? 0 : tensor.data.bytes;
        arrivals[i].missing = tensor.header.bytes + data;
        bytes_total += data;
    }
    if (options.memory != Memory::owned || options.headers_only)
        return;
    host = lay_out(layout);
    memory = std::make_shared<HostMemory>(host.bytes);
    for (std::size_t i = 0; i < arrivals.size(); ++i) {
        const auto& tensor = layout.tensors[i];
        // meta tensors have no data; a byte of data may stand for an empty tensor
        if (tensor.data.bytes == tensor.bytes)
            arrivals[i].destination = memory->bytes().subspan(host.offsets[i], tensor.bytes);
    }
}

awaitable<void> lane(Job& job, Loop& loop, unsigned index, unsigned slot) {
    const auto reader = job.source.reader(loop, job.read);
    while (const Chunk* chunk = job.plan.next(index)) {
        Work work{*chunk, {}, {}, {}, {}};
        if (chunk->long_header)
            work.placement = place_long_header(work);
        else
            work.placement = co_await place(job, *chunk, *reader, loop, slot);
        const Placement& placement = work.placement;
        co_await reader->read(placement.route, placement.offset, placement.to, placement.need);
        co_await take_headers(job, loop, work);
        co_await transform(job, loop, work);
    }
}

} // namespace tz
