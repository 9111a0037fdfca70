#include <tz/engine/cause.hpp>
#include <tz/engine/choose.hpp>
#include <tz/engine/crew.hpp>
#include <tz/engine/engine.hpp>
#include <tz/engine/index.hpp>
#include <tz/engine/job.hpp>
#include <tz/engine/lane.hpp>
#include <tz/engine/lineup.hpp>
#include <tz/engine/load.hpp>
#include <tz/engine/load_options.hpp>
#include <tz/engine/machine.hpp>
#include <tz/engine/manifest_check.hpp>
#include <tz/engine/result.hpp>
#include <tz/engine/room.hpp>
#include <tz/engine/sink.hpp>
#include <tz/engine/supervision.hpp>
#include <tz/format/error.hpp>
#include <tz/format/name.hpp>

#include <algorithm>
#include <memory>
#include <new>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace tz {

namespace {

using Sources = std::span<const std::shared_ptr<const Source>>;

/// One call of load(): its files, from the index to what is handed over.
class FileLoad {
public:
    FileLoad(
        Engine::State& engine,
        Sources sources,
        const LoadOptions& options,
        Supervision& supervision)
        : engine_(engine),
          sources_(sources),
          options_(effective(options)),
          supervision_(supervision),
          hosts_(sources),
          lineup_(engine, hosts_, sources, options_.sink ? options_.sink->file_lanes() : 0) {}

    LoadedFiles run();

private:
    Error cause_among(const Error& error) const;
    void read_indexes();
    void choose();
    std::unordered_map<const format::Tensor*, std::uint64_t> read_piece_sizes();
    std::vector<JobFile> job_files(bool mapped) const;
    PlanOptions plan_options(bool headers_only) const;
    unsigned spans() const;
    bool needs_scratch() const;
    void make_job();
    void bring_all();
    void fill_sink(Sink& sink);
    void abandon(Sink& sink) noexcept;
    void run_lanes(Job& job);
    void deliver(std::size_t item);
    void check_unchanged() const;
    void log_oddities() const;
    LoadedFiles hand_over();
    void fill_stats(LoadStats& stats) const;
    void report_end() const;
    [[noreturn]] void fail_partly(const Error& error) const;

    const format::Tensor& handed_tensor(const Item& item) const {
        return all_ ? *item.tensor : handed_[item.source].tensors[item.place];
    }

    Engine::State& engine_;
    Sources sources_;
    const LoadOptions options_;
    Supervision& supervision_;
    Hosts hosts_;
    Lineup lineup_;
    std::vector<format::Layout> layouts_; ///< of the files
    bool all_ = true;                     ///< the files are handed out as they are
    std::vector<format::Layout> handed_;  ///< else: what is handed out of them
    std::vector<Item> items_;             ///< until the job has them
    std::unique_ptr<Job> job_;
    Crew* crew_ = nullptr; ///< while it works
};

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
        run_to_end(engine_, [&sink](Loop& loop) { return sink.abandon(loop); });
    } catch (...) { // no memory even for that; what failed first is told
        return;
    }
}

/// Whatever fails, the sink hears of it.
void FileLoad::fill_sink(Sink& sink) {
    const auto on_loop = [this](const std::function<awaitable<void>(Loop&)>& step) {
        run_side_by_side(engine_, 1, 1, supervision_, step);
    };
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
    lineup_.ask_hosts();
    if (options_.check_layouts)
        options_.check_layouts(layouts_);
}

void FileLoad::choose() {
    const Selection& selection = options_.selection;
    items_ = choose_items(layouts_, selection);
    all_ = selection.everything();
    if (all_)
        return;
    // how slices of sealed data are read depends on its pieces, which stand in the tensor headers
    const auto pieces = read_piece_sizes();
    cut_slices(
        items_,
        selection.slices,
        selection.read_whole_for_hashes && (options_.verify != Verify::none || options_.digests),
        lineup_.chunk_bytes(),
        [&pieces](const Item& item) { return pieces.at(item.tensor); });
    for (std::size_t i = 0; i < layouts_.size(); ++i)
        handed_.push_back(handed_out(layouts_[i], items_, static_cast<std::uint32_t>(i)));
}

/// Of the sealed tensors that slices are wanted of.
std::unordered_map<const format::Tensor*, std::uint64_t> FileLoad::read_piece_sizes() {
    std::unordered_map<const format::Tensor*, std::uint64_t> pieces;
    std::unordered_set<std::string> names;
    for (const Slice& slice : options_.selection.slices)
        names.insert(slice.name);
    std::vector<Item> sliced;
    for (const Item& item : items_)
        if (item.layout->encrypted && item.tensor->data.bytes > 0 &&
            (names.contains(format::key_name(item.tensor->name)) ||
             names.contains(format::display_name(item.tensor->name))))
            sliced.push_back(item);
    if (sliced.empty())
        return pieces;
    LoadOptions options;
    options.headers_only = options.keep_headers = true;
    options.memory = Memory::none;
    check_room(sliced, options, memory_available());
    std::vector<JobFile> files;
    files.reserve(sources_.size());
    for (std::size_t i = 0; i < sources_.size(); ++i)
        files.push_back(JobFile{sources_[i].get(), &layouts_[i], nullptr, nullptr});
    const auto queues = lineup_.queues(1);
    Job job(
        std::move(files),
        std::move(sliced),
        options,
        plan_options(true),
        queues,
        lineup_.scratch_bytes());
    run_lanes(job);
    for (std::size_t i = 0; i < job.items.size(); ++i)
        pieces[job.items[i].tensor] = job.arrivals[i].header.seal->piece_bytes;
    return pieces;
}

std::vector<JobFile> FileLoad::job_files(bool mapped) const {
    std::vector<JobFile> files;
    for (std::size_t i = 0; i < sources_.size(); ++i) {
        const format::Layout& layout = layouts_[i];
        about(*sources_[i], [&] {
            JobFile file{sources_[i].get(), &layout, nullptr, nullptr};
            file.keys = std::make_unique<Keys>(layout, options_);
            if (pieces_of(options_, i, layout) == nullptr)
                check_hashes_exist(layout, options_);
            // what is sealed is opened into memory of its own: nobody may change it in between
            if (mapped && !layout.encrypted)
                file.mapping = sources_[i]->map();
            files.push_back(std::move(file));
        });
    }
    return files;
}

PlanOptions FileLoad::plan_options(bool headers_only) const {
    PlanOptions plan;
    plan.chunk_bytes = lineup_.chunk_bytes();
    plan.cut_from_data = options_.sink != nullptr && options_.sink->cuts_from_data();
    plan.headers_only = headers_only;
    for (std::size_t i = 0; !headers_only && i < layouts_.size(); ++i) {
        const CheckedManifest* manifest = pieces_of(options_, i, layouts_[i]);
        plan.piece_bytes.push_back(manifest != nullptr ? manifest->manifest.piece_bytes : 0);
        if (manifest != nullptr && plan.cut_from_data)
            throw Error(
                errc::usage,
                "what takes this data needs other parts of it than the pieces of its manifest",
                {},
                "check them first (ManifestOptions::contents)")
                .in(sources_[i]->name());
    }
    return plan;
}

/// SHA-256 runs through a tensor in order: as many tensors under way as the workers can hash, each
/// several at once.
unsigned FileLoad::spans() const {
    const bool in_order = hashes_in_order(options_) || (options_.sink && options_.sink->in_order());
    return in_order ? engine_.options.workers * HashQueue::together_max : 1;
}

/// Whether headers or sealed tensors may take memory beside the staging. How sealed ones are cut
/// stands in their headers, so they count where they would need it at worst.
bool FileLoad::needs_scratch() const {
    return std::any_of(items_.begin(), items_.end(), [this](const Item& item) {
        const bool gathered_elsewhere = item.layout->encrypted && !options_.headers_only &&
                                        (options_.memory == Memory::none || !item.linear());
        return gathered_elsewhere || item.tensor->header.bytes > lineup_.chunk_bytes();
    });
}

void FileLoad::make_job() {
    lineup_.deal(needs_scratch());
    const auto queues = lineup_.queues(spans());
    job_ = std::make_unique<Job>(
        job_files(options_.memory == Memory::mapped),
        std::move(items_),
        options_,
        plan_options(options_.headers_only),
        queues,
        lineup_.scratch_bytes());
    job_->settle([this](const Item& item) {
        return options_.destination(item.source, handed_tensor(item));
    });
    std::function<void(std::size_t)> hand_over;
    if (options_.deliver)
        hand_over = [this](std::size_t item) { deliver(item); };
    job_->delivery = std::make_unique<Delivery>(
        job_->items.size(), std::move(hand_over), [this] { crew_->nudge(); });
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
