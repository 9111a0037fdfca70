#include <tz/engine/cause.hpp>
#include <tz/engine/choose.hpp>
#include <tz/engine/file_load.hpp>
#include <tz/engine/machine.hpp>
#include <tz/engine/manifest_check.hpp>
#include <tz/engine/room.hpp>
#include <tz/format/name.hpp>

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace tz {

void FileLoad::choose() {
    const Selection& selection = options_.selection;
    try {
        items_ = choose_items(layouts_, selection);
    } catch (const Error& error) { // of all files together
        throw sources_.size() == 1 ? error.in(sources_.front()->name()) : error;
    }
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

} // namespace tz
