#include <tz/format/error.hpp>
#include <tz/tools/bench_report.hpp>
#include <tz/tools/bench_summary.hpp>
#include <tz/tools/units.hpp>

#include <fmt/format.h>

#include <optional>

namespace tz::bench {

namespace {

std::string percent(std::optional<double> share) {
    return share ? fmt::format("{:.0f} %", *share * 100) : "";
}

std::string number(std::optional<double> value, int digits) {
    return value ? fmt::format("{:.{}f}", *value, digits) : "";
}

constexpr const char* row_format = "  {:<38}{:>8}{:>8}{:>8}{:>10}{:>8}{:>9}{:>8}{:>9}{:>8}{:>12}";

template <typename... Cells>
std::string line(const Cells&... cells) {
    std::string text = fmt::format(row_format, cells...);
    text.erase(text.find_last_not_of(' ') + 1);
    return text + '\n';
}

std::string heading(const std::string& title) {
    return '\n' + title + '\n' +
           line(
               "",
               "GB/s",
               "min",
               "max",
               "CPU s/GB",
               "loop",
               "ceiling",
               "of it",
               "of read",
               "huge",
               "beside");
}

std::string row(const Entry& entry, const Summary& summary) {
    const std::string beside = summary.beside_bytes ? cli::size_text(*summary.beside_bytes) : "";
    const std::string prefix = entry.role == Role::load ? "load " : "";
    return line(
        prefix + printable(entry.name),
        number(summary.gb_per_s.median, 2),
        number(summary.gb_per_s.min, 2),
        number(summary.gb_per_s.max, 2),
        number(summary.cpu_seconds_per_gb, 3),
        number(summary.loop_cpu_seconds_per_gb, 3),
        number(summary.ceiling_gb_per_s, 2),
        percent(summary.of_ceiling),
        percent(summary.of_source),
        percent(summary.huge),
        beside);
}

std::string describe(const Subject& subject, Cache cache) {
    return fmt::format(
        "{}: {} in {} tensors{}{}",
        printable(subject.path.substr(subject.path.rfind('/') + 1)),
        cli::size_text(subject.tensor_bytes),
        subject.tensors,
        subject.encrypted ? ", encrypted" : "",
        cache == Cache::none ? ", from a server" : fmt::format(", {}", cache_name(cache)));
}

std::string
group(const Run& run, const std::vector<Summary>& summaries, const std::string& file, Cache cache) {
    std::string rows;
    for (std::size_t i = 0; i < run.entries.size(); ++i) {
        const Entry& entry = run.entries[i];
        if (entry.file == file && entry.cache == cache && !entry.samples.empty())
            rows += row(entry, summaries[i]);
    }
    return rows;
}

} // namespace

std::string table(const Run& run) {
    const std::vector<Summary> summaries = summarize(run.entries, run.host.cores);
    std::string text =
        fmt::format("{}medians of {} interleaved rounds\n", host_line(run.host), run.rounds);
    for (const Subject& subject : run.subjects)
        for (const Cache cache : {Cache::none, Cache::warm, Cache::cold})
            if (const std::string rows = group(run, summaries, subject.path, cache); !rows.empty())
                text += heading(describe(subject, cache)) + rows;
    if (const std::string rows = group(run, summaries, "", Cache::none); !rows.empty())
        text += heading("one core, in memory") + rows;
    text += "\n"
            "ceiling   min(fastest read, cores / CPU s/GB of read and stages, each timed alone);\n"
            "          with SHA-256 also what one core does with the largest tensor\n"
            "of read   of the fastest read of the same kind\n"
            "loop      CPU s/GB of the threads that submit reads\n"
            "huge      least share of the memory that was in huge pages\n"
            "beside    most anonymous memory, less the tensors; of others what they added\n";
    for (const std::string& note : notes_of(run, summaries))
        text += "note: " + note + "\n";
    return text;
}

} // namespace tz::bench
