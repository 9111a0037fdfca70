#include <tz/engine/alignment.hpp>
#include <tz/engine/cause.hpp>
#include <tz/engine/crew.hpp>
#include <tz/engine/engine.hpp>
#include <tz/engine/hosts.hpp>
#include <tz/engine/lane_reader.hpp>
#include <tz/engine/lineup.hpp>
#include <tz/engine/meter.hpp>
#include <tz/engine/staged_read.hpp>
#include <tz/engine/supervision.hpp>
#include <tz/engine/target.hpp>
#include <tz/engine/upload.hpp>

#include <algorithm>
#include <atomic>
#include <exception>
#include <new>
#include <utility>
#include <vector>

namespace tz {

namespace {

// Connections of one upload, as many as a load from a server starts with; a disk is no slower for
// fewer readers.
constexpr unsigned upload_lanes = 16;
// A target that takes any range gets such pieces.
constexpr std::uint64_t any_piece_bytes = 8 << 20;

/// One call of upload().
class Upload {
public:
    Upload(
        Engine::State& engine,
        const std::shared_ptr<const Source>& source,
        Target& target,
        const LoadOptions& options,
        Supervision& supervision)
        : engine_(engine),
          source_(source),
          target_(target),
          options_(options),
          supervision_(supervision),
          hosts_({&source_, 1}),
          meter_(options.trace) {}

    LoadStats run();

private:
    using Step = awaitable<void> (Upload::*)(Loop& loop);

    void run_alone(Step step);
    void copy_all();
    void abandon() noexcept;
    void choose_lanes();
    void check_source() const;
    awaitable<void> begin_source(Loop& loop);
    awaitable<void> begin_target(Loop& loop);
    awaitable<void> lane(Loop& loop, unsigned slot);
    awaitable<std::span<const std::byte>> read(
        Reader& reader,
        Loop& loop,
        unsigned slot,
        std::uint64_t offset,
        std::size_t bytes,
        ChunkMeter& meter);
    awaitable<void> publish(Loop& loop);
    LoadStats stats() const;

    Loop& first_loop() const { return *engine_.loops.front(); }

    Progress progress() const {
        return {
            Phase::tensors,
            bytes_done_,
            source_->bytes(),
            published_ ? 1u : 0u,
            1,
            meter_.stage_seconds()};
    }

    Engine::State& engine_;
    const std::shared_ptr<const Source> source_;
    Target& target_;
    const LoadOptions& options_;
    Supervision& supervision_;
    Hosts hosts_;
    Meter meter_;
    const JobTimes::Clock::time_point began_ = JobTimes::Clock::now();
    const double cpu_ = process_cpu_seconds();
    const double loop_cpu_ = engine_.loop_cpu_seconds();
    std::uint64_t piece_bytes_ = 0;
    std::uint64_t pieces_ = 0;
    unsigned lanes_ = 0;
    std::atomic<std::uint64_t> next_ = 0; ///< piece to copy
    std::atomic<std::uint64_t> bytes_done_ = 0;
    bool published_ = false;
};

LoadStats Upload::run() {
    try {
        run_alone(&Upload::begin_source);
        choose_lanes();
        run_alone(&Upload::begin_target);
        copy_all();
        check_source();
        run_alone(&Upload::publish);
    } catch (...) {
        abandon();
        throw;
    }
    published_ = true;
    if (options_.progress)
        options_.progress(progress());
    return stats();
}

/// On the first loop, to its end.
void Upload::run_alone(Step step) {
    Crew crew;
    std::vector<awaitable<void>> members;
    members.push_back((this->*step)(first_loop()));
    crew.start(first_loop(), std::move(members));
    supervision_.wait(crew, [this] { return progress(); });
}

/// Whatever stopped the upload does not stop this, which ends soon.
void Upload::abandon() noexcept {
    try {
        run_to_end(engine_, [this, until = supervision_.clean_up_end()](Loop& loop) {
            return target_.abandon(loop, until);
        });
    } catch (...) { // no memory even for that; what failed first is told
        return;
    }
}

/// The size of a remote source comes with its first answer.
awaitable<void> Upload::begin_source(Loop& loop) {
    if (source_->bytes_known())
        co_return;
    std::vector<std::byte> start(direct_alignment);
    auto reader = hosts_.reader(0, loop);
    try {
        co_await reader->begin(start);
    } catch (const Error& error) {
        throw error.in(source_->name());
    }
    hosts_.keep(std::move(reader), 0, loop);
}

awaitable<void> Upload::begin_target(Loop& loop) {
    co_await target_.begin(loop, source_->bytes());
}

void Upload::check_source() const {
    about(*source_, [this] { source_->check_unchanged(); });
}

void Upload::choose_lanes() {
    const std::uint64_t bytes = source_->bytes();
    piece_bytes_ = target_.shape(bytes).part_bytes;
    if (piece_bytes_ == 0)
        piece_bytes_ = any_piece_bytes;
    pieces_ = bytes / piece_bytes_ + (bytes % piece_bytes_ != 0 ? 1 : 0);
    const Geometry& geometry = engine_.geometry;
    const std::uint64_t staged = round_up(std::min(piece_bytes_, bytes), direct_alignment);
    const std::uint64_t width =
        std::max<std::uint64_t>(1, (staged + geometry.buffer_bytes - 1) / geometry.buffer_bytes);
    if (width > geometry.buffers)
        throw Error(
            errc::limit,
            "parts of " + std::to_string(piece_bytes_) + " bytes don't fit the memory limit",
            {},
            "raise --memory-limit")
            .in(target_.name());
    const unsigned wanted = engine_.asked.concurrency ? geometry.lanes : upload_lanes;
    lanes_ =
        static_cast<unsigned>(std::min<std::uint64_t>({wanted, geometry.buffers / width, pieces_}));
    for (const auto& loop : engine_.loops)
        loop->set_staging_width(static_cast<unsigned>(width));
    // what an earlier load with more lanes left behind
    engine_.arena->release_from(lanes_ * width);
}

void Upload::copy_all() {
    std::vector<std::vector<awaitable<void>>> members(engine_.loops.size());
    for (unsigned slot = 0; slot < lanes_; ++slot) {
        const std::size_t at = slot % members.size();
        members[at].push_back(lane(*engine_.loops[at], slot));
    }
    Crew crew;
    for (std::size_t i = 0; i < members.size(); ++i)
        if (!members[i].empty())
            crew.start(*engine_.loops[i], std::move(members[i]));
    supervision_.wait(crew, [this] { return progress(); });
}

awaitable<void> Upload::lane(Loop& loop, unsigned slot) {
    LaneReader reader(hosts_, loop);
    for (std::uint64_t i = next_++; i < pieces_; i = next_++) {
        const std::uint64_t offset = i * piece_bytes_;
        const auto bytes =
            static_cast<std::size_t>(std::min(piece_bytes_, source_->bytes() - offset));
        ChunkMeter meter(meter_, slot, i, bytes);
        const std::span<const std::byte> got =
            co_await read(reader.of(0), loop, slot, offset, bytes, meter);
        meter.put_begins();
        co_await target_.write(loop, got, offset);
        meter.put_ends(bytes);
        bytes_done_ += bytes;
    }
    reader.keep();
}

/// Pieces begin at multiples of any alignment.
awaitable<std::span<const std::byte>> Upload::read(
    Reader& reader,
    Loop& loop,
    unsigned slot,
    std::uint64_t offset,
    std::size_t bytes,
    ChunkMeter& meter) {
    try {
        co_return co_await read_staged(reader, *source_, loop, slot, offset, bytes, &meter);
    } catch (const Error& error) {
        throw error.in(source_->name());
    }
}

awaitable<void> Upload::publish(Loop& loop) {
    co_await target_.publish(loop);
}

LoadStats Upload::stats() const {
    LoadStats stats;
    stats.bytes = source_->bytes();
    stats.tensors = 1;
    stats.staging_bytes = engine_.arena->touched_bytes();
    hosts_.add_to(stats);
    stats.io = engine_.io;
    stats.loops = static_cast<unsigned>(engine_.loops.size());
    stats.workers = engine_.options.workers;
    stats.lanes = lanes_;
    stats.chunk_bytes = static_cast<std::size_t>(piece_bytes_);
    stats.cpu_seconds = process_cpu_seconds() - cpu_;
    stats.loop_cpu_seconds = engine_.loop_cpu_seconds() - loop_cpu_;
    stats.seconds = std::chrono::duration<double>(JobTimes::Clock::now() - began_).count();
    meter_.fill(stats, hosts_.cpu_nanoseconds());
    return stats;
}

} // namespace

LoadStats upload(
    Engine& engine,
    const std::shared_ptr<const Source>& source,
    Target& target,
    const UploadOptions& options) try {
    LoadOptions waiting;
    waiting.deadline = options.deadline;
    waiting.begun = options.begun;
    waiting.stop = options.stop;
    waiting.trace = options.trace;
    waiting.progress = options.progress;
    Engine::State& state = engine.state();
    Supervision supervision(waiting, "upload");
    const auto turn = supervision.turn(state.one_load);
    return Upload(state, source, target, waiting, supervision).run();
} catch (const std::bad_alloc&) {

    throw Error(errc::limit, "out of memory");
}

} // namespace tz
