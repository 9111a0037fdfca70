#include <tz/engine/cause.hpp>
#include <tz/engine/crew.hpp>
#include <tz/engine/engine.hpp>
#include <tz/engine/fetch.hpp>
#include <tz/engine/file_calls.hpp>
#include <tz/engine/lane_reader.hpp>
#include <tz/engine/lineup.hpp>
#include <tz/engine/machine.hpp>
#include <tz/engine/meter.hpp>
#include <tz/engine/new_file.hpp>
#include <tz/engine/staged_read.hpp>
#include <tz/engine/supervision.hpp>
#include <tz/format/checksum.hpp>
#include <tz/format/hash.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <new>
#include <set>
#include <utility>
#include <vector>

namespace tz {

namespace {

// Of the first request: small files are whole with it, and large ones wait little for it.
constexpr std::size_t first_bytes = 1 << 20;
constexpr std::size_t hashed_bytes = 1 << 20;

/// One file on its way.
struct Part {
    Part(const std::string& path, Existing existing) : file(path, existing) {}

    NewFile file;
    std::optional<format::Checksum> checksum; ///< by the caller, or else by whom it comes from
    std::uint64_t begun = 0;                  ///< bytes that came with the first answer
    std::atomic<std::uint64_t> missing = 0;   ///< bytes
};

/// One call of fetch().
class FilesFetch {
public:
    FilesFetch(
        Engine::State& engine,
        std::span<const FetchFile> files,
        std::span<const std::shared_ptr<const Source>> sources,
        const LoadOptions& options,
        Existing existing,
        Supervision& supervision)
        : engine_(engine),
          files_(files),
          sources_(sources),
          options_(options),
          supervision_(supervision),
          hosts_(sources),
          lineup_(engine, hosts_, sources),
          meter_(options.trace) {
        make_files(existing);
    }

    LoadStats run();

private:
    void make_files(Existing existing);
    void begin_all();
    awaitable<void> begin_some(Loop& loop);
    awaitable<void> begin(std::uint32_t index, Loop& loop, std::span<std::byte> memory);
    void check_room() const;
    void make_queues();
    void copy_all();
    awaitable<void> lane(Loop& loop, Seat seat);
    awaitable<void> bring(const Chunk& chunk, LaneReader& reader, Loop& loop, unsigned slot);
    awaitable<void> copy(const Chunk& chunk, Reader& reader, Loop& loop, unsigned slot);
    awaitable<void> finish(std::uint32_t index, Loop& loop);
    void check(std::uint32_t index);
    Error wrong_sum(std::uint32_t index, const format::Checksum& sum) const;
    void check_going_on() const;
    void publish();
    LoadStats stats() const;

    Progress progress() const {
        return {
            Phase::tensors,
            bytes_done_,
            bytes_total_,
            files_done_,
            parts_.size(),
            meter_.stage_seconds()};
    }

    Engine::State& engine_;
    std::span<const FetchFile> files_;
    Hosts::Sources sources_;
    const LoadOptions& options_;
    Supervision& supervision_;
    std::vector<std::unique_ptr<Part>> parts_; ///< by file; end after everything that uses them
    Hosts hosts_;
    Lineup lineup_;
    Meter meter_;
    std::vector<Segment> segments_; ///< one of each chunk
    std::vector<Chunk> chunks_;
    std::vector<std::unique_ptr<Queue>> queues_;
    std::atomic<std::uint32_t> next_ = 0; ///< to begin
    std::atomic<std::uint64_t> bytes_done_ = 0;
    std::atomic<std::uint64_t> files_done_ = 0;
    std::uint64_t bytes_total_ = 0;
    std::atomic<bool> failed_ = false;
};

LoadStats FilesFetch::run() {
    begin_all();
    check_room();
    make_queues();
    copy_all();
    publish();
    if (options_.progress)
        options_.progress(progress());
    return stats();
}

void FilesFetch::make_files(Existing existing) {
    std::set<std::string> paths;
    for (const FetchFile& file : files_) {
        if (!paths.insert(file.path).second)
            throw Error(errc::usage, "two files are to be written here").in(file.path);
        parts_.push_back(std::make_unique<Part>(file.path, existing));
        if (file.sha256)
            parts_.back()->checksum = format::Checksum{
                format::ChecksumKind::sha256, {file.sha256->begin(), file.sha256->end()}};
    }
}

void FilesFetch::begin_all() {
    run_side_by_side(engine_, lineup_.loops(), sources_.size(), supervision_, [this](Loop& loop) {
        return begin_some(loop);
    });
    lineup_.ask_hosts();
    lineup_.limit_staging(memory_available() / 2);
    lineup_.deal(false);
    for (const auto& source : sources_)
        bytes_total_ += source->bytes();
}

awaitable<void> FilesFetch::begin_some(Loop& loop) {
    std::vector<std::byte> memory(first_bytes);
    for (std::uint32_t i = next_++; i < sources_.size(); i = next_++) {
        try {
            co_await begin(i, loop, memory);
        } catch (const Error& error) {
            failed_ = true;
            throw error.in(sources_[i]->name());
        }
    }
}

awaitable<void> FilesFetch::begin(std::uint32_t index, Loop& loop, std::span<std::byte> memory) {
    const Source& source = *sources_[index];
    Part& part = *parts_[index];
    const bool known = source.bytes_known();
    if (!known || !source.host().empty()) {
        auto reader = hosts_.reader(index, loop);
        if (!known)
            part.begun = co_await reader->begin(memory);
        if (!part.checksum)
            part.checksum = co_await reader->checksum();
        hosts_.keep(std::move(reader), index, loop);
    }
    if (part.begun > 0) {
        const auto bytes = memory.first(part.begun);
        auto write = [&part, bytes] { part.file.write(bytes, 0); };
        co_await loop.blocking().run(std::move(write));
        bytes_done_ += part.begun;
    }
    part.missing = source.bytes() - part.begun;
    if (part.missing == 0)
        co_await finish(index, loop);
}

void FilesFetch::check_room() const {
    std::map<std::uint64_t, std::uint64_t> needed; // by filesystem
    for (const auto& part : parts_) {
        std::uint64_t& bytes = needed[part->file.filesystem()];
        const std::uint64_t free = part->file.free_bytes();
        if (__builtin_add_overflow(bytes, part->missing.load(), &bytes) || bytes > free)
            throw no_room(part->file.path(), bytes, free);
    }
}

void FilesFetch::make_queues() {
    const std::uint64_t step = lineup_.chunk_bytes();
    for (std::uint32_t i = 0; i < parts_.size(); ++i) {
        const std::uint64_t end = sources_[i]->bytes();
        if ((end - parts_[i]->begun) / step > chunks_max - chunks_.size())
            throw Error(errc::limit, "more bytes than can be fetched at once")
                .in(sources_[i]->name());
        for (std::uint64_t at = parts_[i]->begun; at < end; at += step)
            chunks_.push_back({i, {at, std::min(step, end - at)}, {}});
    }
    // no chunk waits for another one: each is an item of its own
    segments_.resize(chunks_.size());
    for (std::size_t i = 0; i < chunks_.size(); ++i) {
        segments_[i] = {static_cast<std::uint32_t>(i), false, chunks_[i].body};
        chunks_[i].segments = std::span(segments_).subspan(i, 1);
    }
    for (const QueueOptions& queue : lineup_.queues(1))
        queues_.push_back(std::make_unique<Queue>(chunks_, queue));
}

void FilesFetch::copy_all() {
    Crew crew;
    const auto make_lane = [this](Loop& loop, Seat seat) { return lane(loop, seat); };
    lineup_.run(queues_, make_lane, crew, supervision_, [this] { return progress(); }, [] {});
}

awaitable<void> FilesFetch::lane(Loop& loop, Seat seat) {
    LaneReader reader(hosts_, loop);
    const MayPark may_park = [] { return true; };
    const UseChunk use = [this, &reader, &loop, seat](const Chunk& chunk) {
        return bring(chunk, reader, loop, seat.index);
    };
    co_await draw_all(*queues_[seat.queue], seat.place, reader, may_park, use);
}

awaitable<void>
FilesFetch::bring(const Chunk& chunk, LaneReader& reader, Loop& loop, unsigned slot) {
    const std::uint32_t index = chunk.source;
    try {
        co_await copy(chunk, reader.of(index), loop, slot);
        const std::uint64_t missing = parts_[index]->missing -= chunk.body.bytes;
        if (missing == 0)
            co_await finish(index, loop);
    } catch (const Error& error) {
        failed_ = true;
        throw error.in(sources_[index]->name());
    }
}

/// From its source to the lane's staging, from there to its file.
awaitable<void> FilesFetch::copy(const Chunk& chunk, Reader& reader, Loop& loop, unsigned slot) {
    const auto [offset, bytes] = chunk.body;
    // files begin at 0, and chunks are multiples of any alignment
    const auto number = static_cast<std::uint64_t>(&chunk - chunks_.data());
    ChunkMeter meter(meter_, slot, number, bytes);
    const std::span<const std::byte> got =
        co_await read_staged(reader, *sources_[chunk.source], loop, slot, offset, bytes, &meter);
    NewFile& file = parts_[chunk.source]->file;
    auto write = [&file, got, from = offset] {
        file.write(got, from);
        file.begin_sync(from, got.size());
    };
    meter.put_begins();
    co_await loop.blocking().run(std::move(write));
    meter.put_ends(bytes);
    bytes_done_ += bytes;
}

awaitable<void> FilesFetch::finish(std::uint32_t index, Loop& loop) {
    auto work = [this, index] {
        check(index);
        parts_[index]->file.sync();
    };
    co_await loop.blocking().run(std::move(work));
    ++files_done_;
}

/// On a thread that may wait.
void FilesFetch::check(std::uint32_t index) {
    const NewFile& file = parts_[index]->file;
    const std::uint64_t bytes = file.bytes();
    if (bytes != sources_[index]->bytes())
        throw Error(
            errc::io,
            "the file written has " + std::to_string(bytes) + " bytes, not " +
                std::to_string(sources_[index]->bytes()))
            .in(file.path());
    const std::optional<format::Checksum>& expected = parts_[index]->checksum;
    if (!expected)
        return;
    format::ChecksumStream stream(expected->kind);
    std::vector<std::byte> block(hashed_bytes);
    for (std::uint64_t at = 0; at < bytes; at += block.size()) {
        check_going_on();
        block.resize(std::min<std::uint64_t>(hashed_bytes, bytes - at));
        file.read(block, at);
        stream.update(block);
    }
    const format::Checksum sum = stream.finish();
    if (sum != *expected)
        throw wrong_sum(index, sum);
}

Error FilesFetch::wrong_sum(std::uint32_t index, const format::Checksum& sum) const {
    std::string text = std::string("its ") + format::name_of(sum.kind) + " is " +
                       format::hex(sum.bytes) + " and not " +
                       format::hex(parts_[index]->checksum->bytes);
    if (files_[index].sha256)
        return Error(
            errc::integrity,
            std::move(text),
            {},
            "the file is damaged, or another one than the one that was meant");
    return Error(
        errc::integrity,
        std::move(text) + ", as " + sources_[index]->host() + " says",
        {},
        "the bytes came damaged, or are damaged there; fetch it again");
}

/// A long file takes many seconds to hash.
void FilesFetch::check_going_on() const {
    if (failed_ || supervision_.late() || options_.stop.stop_requested())
        throw Error(errc::cancelled, "the fetch was cancelled");
}

void FilesFetch::publish() {
    for (const auto& source : sources_)
        about(*source, [&source] { source->check_unchanged(); });
    for (const auto& part : parts_)
        part->file.publish();
}

LoadStats FilesFetch::stats() const {
    LoadStats stats;
    stats.bytes = bytes_total_;
    stats.tensors = parts_.size();
    stats.staging_bytes = engine_.arena->touched_bytes();
    lineup_.add_to(stats);
    meter_.fill(stats, hosts_.cpu_nanoseconds());
    return stats;
}

} // namespace

LoadStats fetch(Engine& engine, std::span<const FetchFile> files, const FetchOptions& options) try {
    if (files.empty())
        throw Error(errc::usage, "nothing to fetch");
    std::vector<std::shared_ptr<const Source>> sources;
    for (const FetchFile& file : files)
        sources.push_back(file.source);
    LoadOptions waiting;
    waiting.deadline = options.deadline;
    waiting.begun = options.begun;
    waiting.stop = options.stop;
    waiting.trace = options.trace;
    if (options.progress)
        waiting.progress = [&options](const Progress& progress) {
            if (progress.phase == Phase::tensors)
                options.progress(progress);
        };
    Engine::State& state = engine.state();
    Supervision supervision(waiting, "fetch");
    const auto turn = supervision.turn(state.one_load);
    const Existing existing = options.replace ? Existing::replaced : Existing::refused;
    return FilesFetch(state, files, sources, waiting, existing, supervision).run();
} catch (const std::bad_alloc&) {

    throw Error(errc::limit, "out of memory");
}

} // namespace tz
