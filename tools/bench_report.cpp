#include <tz/format/error.hpp>
#include <tz/tools/bench_report.hpp>
#include <tz/tools/bench_summary.hpp>
#include <tz/tools/units.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

namespace tz::bench {

namespace {

const char* cache_name(const Entry& entry) {
    const bool loads = entry.role == Role::load;
    return loads && entry.cache == Cache::none ? "server" : bench::cache_name(entry.cache);
}

// What the process itself and its threads may take beside staging memory and tensors.
constexpr std::size_t own_bytes_max = 32 << 20;
// Above this a sample that should be cold is said not to be.
constexpr double cold_share_max = 0.01;

const char* role_name(Role role) {
    switch (role) {
    case Role::load:
        return "load";
    case Role::peer:
        return "peer";
    case Role::source:
        return "source";
    case Role::stage:
        return "stage";
    }
    return "";
}

template <typename T>
cli::Json optional_json(const std::optional<T>& value) {
    return value ? cli::Json(*value) : cli::Json(nullptr);
}

cli::Json sample_json(const Entry& entry, const Sample& sample, unsigned cores) {
    const std::string why = disturbed_by(sample.interference, cores);
    return {
        {"round", sample.round},
        {"role", role_name(entry.role)},
        {"name", entry.name},
        {"file", entry.file},
        {"cache", cache_name(entry)},
        {"bytes", sample.bytes},
        {"seconds", sample.seconds},
        {"cpu_seconds", optional_json(sample.cpu_seconds)},
        {"gb_per_s", sample.gb_per_s()},
        {"cached_share", sample.cached},
        {"loop_cpu_seconds", optional_json(sample.loop_cpu_seconds)},
        {"huge_page_bytes", optional_json(sample.huge_bytes)},
        {"anonymous_peak_bytes", optional_json(sample.anonymous_peak_bytes)},
        {"crc32", optional_json(sample.crc32)},
        {"steal_seconds", sample.steal_seconds},
        {"file_peak_bytes", optional_json(sample.file_peak_bytes)},
        {"process_seconds", sample.interference.wall_seconds},
        {"others_cpu_seconds", sample.interference.others_cpu_seconds},
        {"disturbed", !why.empty()},
        {"disturbed_by", why.empty() ? cli::Json(nullptr) : cli::Json(why)},
        {"left_out", sample.left_out},
    };
}

cli::Json summary_json(const Entry& entry, const Summary& summary) {
    const bool failed = entry.failed != Failed::no;
    return {
        {"role", role_name(entry.role)},
        {"name", entry.name},
        {"file", entry.file},
        {"cache", cache_name(entry)},
        {"samples", entry.samples.size()},
        {"gb_per_s",
         {{"median", summary.gb_per_s.median},
          {"min", summary.gb_per_s.min},
          {"max", summary.gb_per_s.max}}},
        {"cpu_seconds_per_gb", optional_json(summary.cpu_seconds_per_gb)},
        {"cached_share_max", summary.cached},
        {"loop_cpu_seconds_per_gb", optional_json(summary.loop_cpu_seconds_per_gb)},
        {"huge_page_share_min", optional_json(summary.huge)},
        {"beside_bytes_max", optional_json(summary.beside_bytes)},
        {"ceiling_gb_per_s", optional_json(summary.ceiling_gb_per_s)},
        {"of_ceiling", optional_json(summary.of_ceiling)},
        {"best_source", summary.source},
        {"of_best_source", optional_json(summary.of_source)},
        {"failed", failed ? cli::Json(failed_name(entry.failed)) : cli::Json(nullptr)},
        {"failure", entry.failure},
        {"unsteady", entry.unsteady},
        {"peer_version", entry.version},
        {"seconds", {{"median", summary.seconds.median}, {"average", summary.average_seconds}}},
        {"cpu_seconds", optional_json(summary.cpu_seconds)},
        {"anonymous_peak_bytes_max", optional_json(summary.anonymous_bytes)},
        {"file_peak_bytes_max", optional_json(summary.file_bytes)},
    };
}

cli::Json subject_json(const Subject& subject) {
    return {
        {"file", subject.path},
        {"file_bytes", subject.file_bytes},
        {"tensor_bytes", subject.tensor_bytes},
        {"tensors", subject.tensors},
        {"encrypted", subject.encrypted},
        {"filesystem", subject.filesystem},
    };
}

/// How many samples don't count, and which entries have too many that shouldn't.
void add_disturbed(std::vector<std::string>& notes, const std::vector<Entry>& entries) {
    std::size_t samples = 0;
    std::ptrdiff_t left_out = 0;
    std::vector<std::string> unsteady;
    for (const Entry& entry : entries) {
        samples += entry.samples.size();
        left_out += std::ranges::count(entry.samples, true, &Sample::left_out);
        if (entry.unsteady)
            unsteady.push_back(
                fmt::format("{} {}", bench::cache_name(entry.cache), printable(entry.name)));
    }
    if (left_out > 0)
        notes.push_back(fmt::format(
            "{} of {} samples were disturbed by others and are left out of the figures",
            left_out,
            samples));
    if (unsteady.empty())
        return;
    constexpr std::size_t named_max = 5; // on a busy machine all are
    const std::size_t more = unsteady.size() - std::min(unsteady.size(), named_max);
    unsteady.resize(unsteady.size() - more);
    notes.push_back(fmt::format(
        "unsteady, since more than a third of their samples were disturbed: {}{}",
        fmt::join(unsteady, "; "),
        more > 0 ? fmt::format(" and {} more", more) : ""));
}

} // namespace

const char* cache_name(Cache cache) {
    switch (cache) {
    case Cache::warm:
        return "warm";
    case Cache::cold:
        return "cold";
    case Cache::none:
        return "memory";
    }
    return "";
}

std::vector<std::string> notes_of(const Run& run, const std::vector<Summary>& summaries) {
    std::vector<std::string> notes = run.notes;
    for (std::size_t i = 0; i < run.entries.size(); ++i) {
        const Entry& entry = run.entries[i];
        if (entry.failed != Failed::no)
            notes.push_back(fmt::format(
                "{} {} was dropped ({}): {}",
                cache_name(entry.cache),
                printable(entry.name),
                failed_name(entry.failed),
                printable(entry.failure)));
        if (entry.cache == Cache::cold && summaries[i].cached > cold_share_max)
            notes.push_back(fmt::format(
                "cold {} was not cold: up to {:.0f} % of the file was in the page cache",
                printable(entry.name),
                summaries[i].cached * 100));
        // whoever asks for huge pages and gets others is slower for a reason that is not his
        const bool large = !entry.samples.empty() && entry.samples.front().bytes > 64 << 20;
        if (entry.role == Role::load && entry.delivers && large &&
            summaries[i].huge.value_or(1) < 0.9)
            notes.push_back(fmt::format(
                "{} load {}: only {:.0f} % of the memory was in huge pages at worst",
                cache_name(entry.cache),
                printable(entry.name),
                *summaries[i].huge * 100));
        const std::uint64_t beside = summaries[i].beside_bytes.value_or(0);
        if (entry.role == Role::load && beside > run.memory_limit + own_bytes_max)
            notes.push_back(fmt::format(
                "{} load {}: {} of memory beside its tensors, more than the limit of {} and 32 MiB",
                cache_name(entry.cache),
                printable(entry.name),
                cli::size_text(beside),
                cli::size_text(run.memory_limit)));
    }
    add_disturbed(notes, run.entries);
    return notes;
}

cli::Json to_json(const Run& run) {
    const std::vector<Summary> summaries = summarize(run.entries, run.host.cores);
    cli::Json json = cli::result("tz-bench/1");
    json["host"] = to_json(run.host);
    json["args"] = run.arguments;
    json["stopped"] = run.stopped;
    json["runs"] = cli::Json::array();
    for (const Entry& entry : run.entries)
        for (const Sample& sample : entry.samples)
            json["runs"].push_back(sample_json(entry, sample, run.host.cores));
    cli::Json& summary = json["summary"];
    summary["rounds"] = run.rounds;
    summary["memory_limit_bytes"] = run.memory_limit;
    summary["files"] = cli::Json::array();
    for (const Subject& subject : run.subjects)
        summary["files"].push_back(subject_json(subject));
    summary["entries"] = cli::Json::array();
    for (std::size_t i = 0; i < run.entries.size(); ++i)
        summary["entries"].push_back(summary_json(run.entries[i], summaries[i]));
    summary["notes"] = notes_of(run, summaries);
    return json;
}

} // namespace tz::bench
