#include <tz/tools/bench_ceilings.hpp>
#include <tz/tools/bench_summary.hpp>

#include <algorithm>
#include <numeric>
#include <ranges>

namespace tz::bench {

namespace {

/// What `figure` says of each sample that counts, an optional number.
template <typename Figure>
std::vector<double> figures(const Entry& entry, Figure figure) {
    std::vector<double> values;
    for (const Sample& sample : entry.samples)
        if (const std::optional<double> value = figure(sample); value && !sample.left_out)
            values.push_back(*value);
    return values;
}

std::optional<double> median(std::vector<double> values) {
    if (values.empty())
        return {};
    return spread(std::move(values)).median;
}

Spread rates(const Entry& entry) {
    return spread(figures(
        entry, [](const Sample& sample) -> std::optional<double> { return sample.gb_per_s(); }));
}

std::optional<double> cpu_per_gb(const Entry& entry) {
    return median(figures(entry, [](const Sample& sample) -> std::optional<double> {
        if (!sample.cpu_seconds)
            return {};
        return sample.cpu_seconds_per_gb();
    }));
}

std::optional<double> loop_cpu_per_gb(const Entry& entry) {
    return median(figures(entry, [](const Sample& sample) -> std::optional<double> {
        if (!sample.loop_cpu_seconds)
            return {};
        return *sample.loop_cpu_seconds / sample.gb();
    }));
}

void add_times(Summary& summary, const Entry& entry) {
    const std::vector<double> seconds = figures(
        entry, [](const Sample& sample) -> std::optional<double> { return sample.seconds; });
    summary.seconds = spread(seconds);
    summary.average_seconds = std::accumulate(seconds.begin(), seconds.end(), 0.0) /
                              static_cast<double>(std::max<std::size_t>(1, seconds.size()));
    summary.cpu_seconds =
        median(figures(entry, [](const Sample& sample) { return sample.cpu_seconds; }));
}

/// What memory the samples took, at worst.
void add_memory(Summary& summary, const Entry& entry) {
    for (const Sample& sample : entry.samples) {
        if (sample.huge_bytes && entry.delivers) {
            const double huge =
                static_cast<double>(*sample.huge_bytes) / static_cast<double>(sample.bytes);
            summary.huge = std::min(summary.huge.value_or(1), huge);
        }
        if (sample.anonymous_peak_bytes) {
            const std::uint64_t peak = *sample.anonymous_peak_bytes;
            const std::uint64_t tensors = entry.delivers ? sample.bytes : 0;
            summary.beside_bytes =
                std::max(summary.beside_bytes.value_or(0), peak - std::min(peak, tensors));
            summary.anonymous_bytes = std::max(summary.anonymous_bytes.value_or(0), peak);
        }
        if (sample.file_peak_bytes)
            summary.file_bytes = std::max(summary.file_bytes.value_or(0), *sample.file_peak_bytes);
    }
}

const Sample* in_round(const Entry* entry, unsigned round) {
    if (entry == nullptr)
        return nullptr;
    const auto found = std::ranges::find(entry->samples, round, &Sample::round);
    return found == entry->samples.end() || found->left_out ? nullptr : &*found;
}

/// The ways of getting its bytes that a load is fairly held against. What ends up in memory pays
/// for fresh memory; a cold read is bound by the disk, so there everything counts.
std::vector<const Entry*> sources_for(const Entry& load, const std::vector<Entry>& entries) {
    std::vector<const Entry*> sources;
    const std::string& file = load.against.empty() ? load.file : load.against;
    for (const Entry& entry : entries)
        if (!load.maps && entry.role == Role::source && entry.file == file &&
            entry.cache == load.cache && !entry.samples.empty() &&
            (entry.delivers || !load.delivers || load.cache == Cache::cold))
            sources.push_back(&entry);
    return sources;
}

/// What a load is held against in one round.
struct Bounds {
    const Entry* fastest = nullptr;
    const Entry* cheapest = nullptr; ///< in CPU time, among those that do what the load does
    std::vector<const Entry*> stages;
    double largest_share = 0;
    unsigned cores = 1;

    std::optional<double> source(unsigned round) const {
        const Sample* sample = in_round(fastest, round);
        if (sample == nullptr)
            return {};
        return sample->gb_per_s();
    }

    std::optional<double> ceiling(unsigned round) const {
        const auto rate = source(round);
        const Sample* cheap = in_round(cheapest, round);
        if (!rate || cheap == nullptr)
            return {};
        double ceiling = *rate;
        double cpu = cheap->cpu_seconds_per_gb();
        for (const Entry* stage : stages) {
            const Sample* sample = in_round(stage, round);
            if (sample == nullptr)
                return {};
            cpu += sample->cpu_seconds_per_gb();
            // the format's limit: a SHA-256 goes through a tensor in order
            if (stage->name == stage_sha256 && largest_share > 0)
                ceiling = std::min(ceiling, sample->gb_per_s() / largest_share);
        }
        return std::min(ceiling, cores / cpu);
    }
};

Bounds bounds_for(const Entry& load, const std::vector<Entry>& entries, unsigned cores) {
    Bounds bounds;
    bounds.cores = cores;
    bounds.largest_share = load.largest_share;
    double best_rate = 0;
    double best_cpu = 0;
    for (const Entry* source : sources_for(load, entries)) {
        const double rate = rates(*source).median;
        const double cpu = cpu_per_gb(*source).value_or(0);
        if (rate > best_rate) {
            best_rate = rate;
            bounds.fastest = source;
        }
        if (source->delivers == load.delivers && cpu > 0 && (best_cpu == 0 || cpu < best_cpu)) {
            best_cpu = cpu;
            bounds.cheapest = source;
        }
    }
    for (const std::string& name : load.stages)
        for (const Entry& entry : entries)
            if (entry.role == Role::stage && entry.name == name)
                bounds.stages.push_back(&entry);
    return bounds;
}

void hold_against(Summary& summary, const Entry& load, const Bounds& bounds) {
    std::vector<double> of_source;
    std::vector<double> ceilings;
    std::vector<double> of_ceiling;
    for (const Sample& sample : load.samples) {
        if (sample.left_out)
            continue;
        if (const auto rate = bounds.source(sample.round))
            of_source.push_back(sample.gb_per_s() / *rate);
        // a peer's stages are not known
        if (load.role != Role::load)
            continue;
        if (const auto ceiling = bounds.ceiling(sample.round)) {
            ceilings.push_back(*ceiling);
            of_ceiling.push_back(sample.gb_per_s() / *ceiling);
        }
    }
    if (!of_source.empty()) {
        summary.source = bounds.fastest->name;
        summary.of_source = spread(std::move(of_source)).median;
    }
    if (!ceilings.empty()) {
        summary.ceiling_gb_per_s = spread(std::move(ceilings)).median;
        summary.of_ceiling = spread(std::move(of_ceiling)).median;
    }
}

} // namespace

std::vector<Summary> summarize(const std::vector<Entry>& entries, unsigned cores) {
    std::vector<Summary> summaries;
    for (const Entry& entry : entries) {
        Summary& summary = summaries.emplace_back();
        if (entry.samples.empty())
            continue;
        summary.gb_per_s = rates(entry);
        add_times(summary, entry);
        summary.cpu_seconds_per_gb = cpu_per_gb(entry);
        summary.loop_cpu_seconds_per_gb = loop_cpu_per_gb(entry);
        for (const Sample& sample : entry.samples)
            summary.cached = std::max(summary.cached, sample.cached);
        add_memory(summary, entry);
        if (entry.role == Role::load || entry.role == Role::peer)
            hold_against(summary, entry, bounds_for(entry, entries, cores));
    }
    return summaries;
}

} // namespace tz::bench
