#include <tz/engine/crew.hpp>
#include <tz/engine/engine.hpp>
#include <tz/engine/lane.hpp>
#include <tz/engine/load.hpp>
#include <tz/engine/machine.hpp>
#include <tz/format/error.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <memory>
#include <new>
#include <sys/resource.h>
#include <utility>

namespace tz {

namespace {

using Clock = std::chrono::steady_clock;

double process_cpu_seconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct GiveBack {
    void operator()(Turn* turn) const { turn->give_back(); }
};

using HeldTurn = std::unique_ptr<Turn, GiveBack>;

/// The clock, the caller's wishes to stop, and its progress callback: one load, all its phases.
class Supervision {
public:
    explicit Supervision(const LoadOptions& options) : options_(options) {}

    /// Waits for the crew, which has been started.
    void wait(Crew& crew, const std::function<Progress()>& progress) {
        const std::stop_callback on_stop(options_.stop, [&crew] {
            crew.stop(std::make_exception_ptr(Error(errc::cancelled, "the load was cancelled")));
        });
        const auto period = std::chrono::milliseconds(options_.deadline ? 10 : 100);
        crew.wait(period, [&] {
            check_deadline();
            if (options_.progress)
                report(progress());
        });
    }

    /// Waits until no other load uses the engine; it is this one's as long as the result lives.
    HeldTurn turn(Turn& one_load) const {
        while (!one_load.take_within(std::chrono::milliseconds(10))) {
            check_deadline();
            if (options_.stop.stop_requested())
                throw Error(errc::cancelled, "the load was cancelled");
        }
        return HeldTurn(&one_load);
    }

    void check_deadline() const {
        if (options_.deadline && Clock::now() - started_ > *options_.deadline)
            throw Error(errc::deadline, "the load did not end in time", {}, "raise --deadline");
    }

    void report(const Progress& progress) {
        const auto now = Clock::now();
        if (now - reported_ < std::chrono::milliseconds(100))
            return;
        reported_ = now;
        options_.progress(progress);
    }

    double seconds() const {
        return std::chrono::duration<double>(Clock::now() - started_).count();
    }

private:
    const LoadOptions& options_;
    Clock::time_point started_ = Clock::now();
    Clock::time_point reported_{};
};

/// Reads the first `bytes` bytes of the source.
awaitable<void> read_start(
    Loop& loop,
    const Source& source,
    ReadCounters& counters,
    std::span<std::byte> to,
    std::size_t from) {
    const auto reader = source.reader(loop, counters);
    const Buffer buffer{to.subspan(from), -1, false};
    const std::span<const Buffer> buffers(&buffer, 1);
    // by the workers, which have nothing else to do yet: most loads then need no further threads
    co_await reader->read(Route::cached, from, buffers, buffer.bytes.size());
}

/// One read is enough for nearly every file; a second one where the index is larger than usual.
format::Layout read_index(
    Engine::State& engine, const Source& source, ReadCounters& counters, Supervision& supervision) {
    std::vector<std::byte> bytes;
    const auto grow = [&](std::uint64_t size) {
        const std::size_t had = bytes.size();
        if (size <= had)
            return;
        bytes.resize(size);
        Crew crew;
        Loop& loop = *engine.loops.front();
        std::vector<awaitable<void>> members;
        members.push_back(read_start(loop, source, counters, bytes, had));
        crew.start(loop, std::move(members));
        supervision.wait(crew, [] { return Progress{}; });
    };
    const std::uint64_t usual = format::prefix_bytes + format::usual_region_bytes;
    grow(std::min<std::uint64_t>(source.bytes(), usual));
    const auto prefix =
        std::span(bytes).first(std::min<std::size_t>(bytes.size(), format::prefix_bytes));
    const std::uint64_t index = format::index_bytes(prefix, source.bytes());
    grow(index);
    return format::parse_index(std::span(bytes).first(index), source.bytes());
}

/// What the load takes beside staging: a file of a few hundred bytes can ask for terabytes of
/// zeros, or for ages of hashing them.
std::uint64_t memory_needed(const format::Layout& layout, const LoadOptions& options) {
    std::uint64_t bytes = 0;
    const bool owned = options.memory == Memory::owned && !options.headers_only;
    for (const format::Tensor& tensor : layout.tensors) {
        if (owned || (options.digests && tensor.meta()))
            bytes += tensor.bytes; // the parser has checked the sum
        if (options.keep_headers && __builtin_add_overflow(bytes, tensor.header.bytes, &bytes))
            return UINT64_MAX;
    }
    return bytes;
}

void check_room(const format::Layout& layout, const LoadOptions& options) {
    const std::uint64_t needed = memory_needed(layout, options);
    const std::uint64_t available = memory_available();
    if (needed > available)
        throw Error(
            errc::limit,
            "the tensors take " + std::to_string(needed) + " bytes and " +
                std::to_string(available) + " bytes of memory are available",
            {},
            options.memory == Memory::owned ? "free memory, or load with --memory none"
                                            : "the file is damaged or made to cost much");
}

PlanOptions plan_options(const Engine::State& engine, const LoadOptions& options) {
    PlanOptions plan;
    plan.chunk_bytes = engine.geometry.chunk_bytes;
    plan.headers_only = options.headers_only;
    // SHA-256 runs through a tensor in order: as many tensors under way as workers can hash.
    const bool ordered =
        options.digests || options.verify == Verify::sha256 || options.verify == Verify::all;
    if (ordered)
        plan.spans = std::min(engine.options.workers, engine.geometry.lanes);
    return plan;
}

void run_lanes(Engine::State& engine, Job& job, Supervision& supervision) {
    Crew crew;
    unsigned index = 0;
    for (std::size_t i = 0; i < engine.loops.size(); ++i) {
        std::vector<awaitable<void>> lanes;
        lanes.reserve(engine.lanes_of(i));
        for (unsigned slot = 0; slot < engine.lanes_of(i); ++slot)
            lanes.push_back(lane(job, *engine.loops[i], index++, slot));
        crew.start(*engine.loops[i], std::move(lanes));
    }
    supervision.wait(crew, [&job] {
        Progress progress;
        progress.stage = Stage::tensors;
        progress.bytes_done = job.bytes_done;
        progress.bytes_total = job.bytes_total;
        progress.tensors_done = job.tensors_done;
        progress.tensors_total = job.arrivals.size();
        return progress;
    });
}

void hand_over(Job& job, Loaded& loaded) {
    const auto& tensors = job.layout.tensors;
    if (job.memory) {
        loaded.memory = job.memory;
        loaded.tensors.reserve(tensors.size());
        for (std::size_t i = 0; i < tensors.size(); ++i)
            loaded.tensors.push_back(
                job.memory->bytes().subspan(job.host.offsets[i], tensors[i].bytes));
    }
    for (Arrival& arrival : job.arrivals) {
        if (job.options.keep_headers)
            loaded.headers.push_back(std::move(arrival.header));
        if (job.options.digests)
            loaded.digests.push_back(arrival.digest_value);
    }
}

void fill_stats(const Engine::State& engine, const Job& job, LoadStats& stats) {
    stats.bytes = job.options.headers_only ? 0 : job.layout.total_bytes();
    stats.tensors = job.layout.tensors.size();
    stats.staging_bytes = engine.staging_bytes() + job.scratch.peak();
    stats.read_bytes = job.read.bytes;
    stats.direct_bytes = job.read.direct_bytes;
    stats.retries = job.read.retries;
    stats.io = engine.io;
    stats.loops = engine.geometry.loops;
    stats.workers = engine.options.workers;
    stats.lanes = engine.geometry.lanes;
    stats.chunk_bytes = engine.geometry.chunk_bytes;
}

/// What is odd about a file and harms nobody.
void log_oddities(const Engine::State& engine, const Source& source, const format::Layout& layout) {
    if (!engine.options.log || layout.tensors.empty())
        return;
    const std::uint64_t end = layout.tensors.back().data.end();
    if (source.bytes() == end + format::terminator_bytes)
        return;
    engine.options.log(
        LogLevel::warning,
        source.name() + ": " + std::to_string(source.bytes() - end) +
            " bytes follow the last tensor (at byte " + std::to_string(end) +
            ") where the format has " + std::to_string(format::terminator_bytes));
}

Loaded load_one(
    Engine::State& engine,
    const Source& source,
    const LoadOptions& options,
    Supervision& supervision) {
    const double cpu = process_cpu_seconds();
    const double loop_cpu = engine.loop_cpu_seconds();
    ReadCounters index_counters;
    Loaded loaded;
    loaded.layout = read_index(engine, source, index_counters, supervision);
    check_room(loaded.layout, options);
    const std::uint64_t arenas =
        std::uint64_t{engine.geometry.lanes} * engine.geometry.buffer_bytes;
    const std::uint64_t scratch =
        engine.options.memory_limit - std::min<std::uint64_t>(arenas, engine.options.memory_limit);
    Job job(source, loaded.layout, options, plan_options(engine, options), scratch);
    run_lanes(engine, job, supervision);
    source.check_unchanged();
    log_oddities(engine, source, loaded.layout);
    hand_over(job, loaded);
    fill_stats(engine, job, loaded.stats);
    loaded.stats.read_bytes += index_counters.bytes;
    loaded.stats.cpu_seconds = process_cpu_seconds() - cpu;
    loaded.stats.loop_cpu_seconds = engine.loop_cpu_seconds() - loop_cpu;
    loaded.stats.seconds = supervision.seconds();
    if (options.progress) {
        const std::uint64_t bytes = loaded.stats.bytes;
        options.progress(
            Progress{Stage::tensors, bytes, bytes, loaded.stats.tensors, loaded.stats.tensors});
    }
    return loaded;
}

/// Runs `body`, whose errors get the name of the source.
template <typename Body>
auto named(const Source& source, Body body) {
    try {
        return body();
    } catch (const Error& error) {
        throw error.in(source.name());
    } catch (const std::bad_alloc&) {
        throw Error(errc::limit, "out of memory").in(source.name());
    }
}

} // namespace

Loaded load(Engine& engine, std::shared_ptr<const Source> source, const LoadOptions& options) {
    Engine::State& state = engine.state();
    return named(*source, [&] {
        Supervision supervision(options);
        const auto turn = supervision.turn(state.one_load);
        return load_one(state, *source, options, supervision);
    });
}

format::Layout read_layout(Engine& engine, std::shared_ptr<const Source> source) {
    Engine::State& state = engine.state();
    return named(*source, [&] {
        const LoadOptions options;
        Supervision supervision(options);
        const auto turn = supervision.turn(state.one_load);
        ReadCounters counters;
        return read_index(state, *source, counters, supervision);
    });
}

} // namespace tz
