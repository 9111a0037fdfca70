#include <tz/engine/cause.hpp>
#include <tz/engine/file_load.hpp>
#include <tz/engine/index.hpp>
#include <tz/engine/lane.hpp>
#include <tz/engine/load.hpp>
#include <tz/engine/machine.hpp>
#include <tz/engine/result.hpp>
#include <tz/engine/room.hpp>
#include <tz/format/name.hpp>

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

namespace tz {

LoadedFiles FileLoad::run() {
    read_indexes();
    choose();
    lineup_.limit_staging(
        check_room(items_, options_, memory_available(), lineup_.staging_least()));
    make_job();
    if (options_.sink)
        fill_sink(*options_.sink);
    else
        bring_all();
    log_oddities();
    LoadedFiles loaded = hand_over();
    report_end();
    return loaded;
}

void FileLoad::bring_all() {
    try {
        run_lanes(*job_);
        job_->delivery->deliver();
        check_unchanged();
    } catch (const Error& error) {
        const Error cause = cause_among(error);
        if (options_.memory == Memory::given)
            fail_partly(cause);
        throw cause;
    }
}

void FileLoad::abandon(Sink& sink) noexcept {
    try {
        run_to_end(engine_, [&sink, until = supervision_.clean_up_end()](Loop& loop) {
            return sink.abandon(loop, until);
        });
    } catch (...) { // no memory even for that; what failed first is told
        return;
    }
}

/// Whether anything is hashed or decrypted for the sink on the CPU.
bool FileLoad::computes(const Sink& sink) const {
    if (hashes_in_order(options_))
        return true;
    const bool asked = options_.verify == Verify::crc32;
    return std::any_of(layouts_.begin(), layouts_.end(), [&](const format::Layout& layout) {
        if (layout.encrypted)
            return asked || !sink.opens_seals(format::usual_piece_bytes);
        return options_.verify != Verify::none && layout.format == format::FileFormat::tensors;
    });
}

/// Whatever fails, the sink hears of it.
void FileLoad::fill_sink(Sink& sink) {
    const auto on_loop = [this](const std::function<awaitable<void>(Loop&)>& step) {
        run_side_by_side(engine_, 1, 1, supervision_, step);
    };
    if (engine_.asked.workers == 0)
        workers_ = sink.workers_max(workers_, computes(sink)); // as many as cores, till then
    const FewerWorkers fewer(engine_.pools->compute(), workers_);
    try {
        sink.begin(job_->items, sealed_cut_bytes(lineup_.chunk_bytes()));
        on_loop([&sink](Loop& loop) { return sink.open(loop); });
        bring_all();
        on_loop([&sink](Loop& loop) { return sink.close(loop); });
    } catch (...) {
        abandon(sink);
        throw;
    }
}

/// Lanes name the source of their errors.
Error FileLoad::cause_among(const Error& error) const {
    for (const auto& source : sources_)
        if (source->name() == error.source())
            return cause_of(error, *source);
    return error;
}

void FileLoad::read_indexes() {
    try {
        layouts_ = tz::read_indexes(engine_, lineup_.loops(), hosts_, sources_, supervision_);
    } catch (const Error& error) {
        throw cause_among(error);
    }
    for (std::size_t i = 0; i < layouts_.size(); ++i)
        about(*sources_[i], [&] { check_by_manifest(options_, i, layouts_[i]); });
    options_ = effective(std::move(options_), layouts_);
    lineup_.ask_hosts();
    if (options_.check_layouts)
        options_.check_layouts(layouts_);
}

void FileLoad::run_lanes(Job& job) {
    Crew crew;
    crew_ = &crew;
    const auto progress = [&job] {
        if (!job.delivery) // a look at headers, before the load proper
            return Progress{};
        return Progress{
            Phase::tensors,
            job.bytes_done,
            job.bytes_total,
            job.tensors_done,
            job.arrivals.size(),
            job.meter.stage_seconds()};
    };
    const auto deliver_ready = [&job] {
        if (job.delivery)
            job.delivery->deliver();
    };
    const auto make_lane = [&job, this](Loop& loop, Seat seat) {
        return lane(job, hosts_, loop, seat);
    };
    lineup_.run(job.queues, make_lane, crew, supervision_, progress, deliver_ready);
    crew_ = nullptr;
}

/// On the caller's thread.
void FileLoad::deliver(std::size_t index) {
    const Item& item = job_->items[index];
    std::shared_ptr<const void> memory = job_->memory;
    if (job_->is_mapped(index))
        memory = job_->files[item.source].mapping;
    const auto began = JobTimes::Clock::now();
    options_.deliver(Delivered{item.source, handed_tensor(item), job_->homes[index], memory});
    job_->meter.delivered(index, item.bytes, began, JobTimes::Clock::now());
}

void FileLoad::check_unchanged() const {
    for (const auto& source : sources_)
        about(*source, [&] { source->check_unchanged(); });
}

/// What is odd about a file and harms nobody.
void FileLoad::log_oddities() const {
    for (std::size_t i = 0; engine_.options.log && i < layouts_.size(); ++i) {
        const Source& source = *sources_[i];
        if (layouts_[i].tensors.empty() || layouts_[i].format != format::FileFormat::tensors)
            continue;
        const std::uint64_t end = layouts_[i].tensors.back().data.end();
        if (source.bytes() == end + format::terminator_bytes)
            continue;
        engine_.options.log(
            LogLevel::warning,
            source.name() + ": " + std::to_string(source.bytes() - end) +
                " bytes follow the last tensor (at byte " + std::to_string(end) +
                ") where the format has " + std::to_string(format::terminator_bytes));
    }
}

LoadedFiles FileLoad::hand_over() {
    LoadedFiles loaded;
    fill_stats(loaded.stats);
    loaded.files = collect(*job_);
    for (std::size_t i = 0; i < sources_.size(); ++i)
        loaded.files[i].layout = std::move(all_ ? layouts_[i] : handed_[i]);
    return loaded;
}

void FileLoad::fill_stats(LoadStats& stats) const {
    for (const Item& item : job_->items)
        stats.bytes += options_.headers_only ? 0 : item.bytes;
    stats.tensors = job_->items.size();
    stats.staging_bytes = engine_.arena->touched_bytes() + job_->scratch.peak();
    stats.gap_bytes = job_->gap_bytes();
    stats.mapped_bytes = job_->mapped_bytes;
    lineup_.add_to(stats);
    stats.workers = workers_;
    job_->meter.fill(stats, hosts_.cpu_nanoseconds());
}

void FileLoad::report_end() const {
    const std::uint64_t bytes = job_->bytes_total;
    const std::uint64_t tensors = job_->items.size();
    if (options_.progress)
        options_.progress(
            Progress{Phase::tensors, bytes, bytes, tensors, tensors, job_->meter.stage_seconds()});
}

void FileLoad::fail_partly(const Error& error) const {
    std::vector<PartialLoad::Tensor> complete;
    if (error.kind() == errc::object_changed) // nobody knows which file they are from
        throw PartialLoad(error, {});
    for (const std::size_t item : job_->delivery->complete_items())
        complete.push_back(
            {job_->items[item].source, format::display_name(job_->tensor(item).name)});
    throw PartialLoad(
        sources_.size() == 1 ? error.in(sources_.front()->name()) : error, std::move(complete));
}

namespace {

using Sources = Hosts::Sources;

LoadedFiles load_files(Engine::State& engine, Sources sources, const LoadOptions& options) {
    check_options(options, sources.size());
    Supervision supervision(options);
    const auto turn = supervision.turn(engine.one_load);
    return FileLoad(engine, sources, options, supervision).run();
}

} // namespace

Loaded load(Engine& engine, std::shared_ptr<const Source> source, const LoadOptions& options) {
    return about(*source, [&] {
        LoadedFiles files = load_files(engine.state(), Sources(&source, 1), options);
        return Loaded{std::move(files.files.front()), std::move(files.stats)};
    });
}

LoadedFiles load(Engine& engine, Sources sources, const LoadOptions& options) {
    try {
        return load_files(engine.state(), sources, options);
    } catch (const Error& error) {
        const bool of_the_load = error.kind() == errc::deadline || error.kind() == errc::limit;
        if (!of_the_load || sources.size() != 1)
            throw;
        throw error.in(sources.front()->name());
    } catch (const std::bad_alloc&) {
        const Error error(errc::limit, "out of memory");
        throw sources.size() == 1 ? error.in(sources.front()->name()) : error;
    }
}

format::Layout read_layout(Engine& engine, std::shared_ptr<const Source> source) {
    Engine::State& state = engine.state();
    return about(*source, [&] {
        const LoadOptions options;
        Supervision supervision(options);
        const auto turn = supervision.turn(state.one_load);
        const Sources sources(&source, 1);
        Hosts hosts(sources);
        return std::move(read_indexes(state, 1, hosts, sources, supervision).front());
    });
}

} // namespace tz
