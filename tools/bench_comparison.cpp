#include <tz/format/error.hpp>
#include <tz/tools/bench_comparison.hpp>
#include <tz/tools/units.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace tz::bench {

namespace {

constexpr const char* row_format = "  {:<38}{:>9}{:>9}{:>8}{:>8}{:>9}{:>12}{:>12}";

struct Row {
    const Entry* entry;
    const Summary* summary;
};

template <typename... Cells>
std::string line(const Cells&... cells) {
    std::string text = fmt::format(row_format, cells...);
    text.erase(text.find_last_not_of(' ') + 1);
    return text + '\n';
}

std::string size(std::optional<std::uint64_t> bytes) {
    return bytes ? cli::size_text(*bytes) : "";
}

std::string text(const Row& row) {
    const Summary& summary = *row.summary;
    const std::string name =
        (row.entry->role == Role::load ? "tzio, " : "") + printable(row.entry->name);
    if (row.entry->failed != Failed::no)
        return fmt::format("  {:<38}  {}\n", name, failed_name(row.entry->failed));
    return line(
        name,
        fmt::format("{:.4f}", summary.seconds.median),
        fmt::format("{:.4f}", summary.average_seconds),
        fmt::format("{:.2f}", summary.gb_per_s.median),
        summary.cpu_seconds ? fmt::format("{:.3f}", *summary.cpu_seconds) : "",
        summary.of_source ? fmt::format("{:.0f} %", *summary.of_source * 100) : "",
        size(summary.anonymous_bytes),
        size(summary.file_bytes));
}

/// Loads and peers of the group, and the fastest of its ways to read.
std::vector<Row> rows_of(
    const Run& run, const std::vector<Summary>& summaries, const std::string& file, Cache cache) {
    std::vector<Row> rows;
    std::optional<Row> read;
    for (std::size_t i = 0; i < run.entries.size(); ++i) {
        const Entry& entry = run.entries[i];
        if (entry.file != file || entry.cache != cache)
            continue;
        const Row row{&entry, &summaries[i]};
        if (entry.role == Role::load || entry.role == Role::peer)
            rows.push_back(row);
        else if (
            entry.delivers && !entry.samples.empty() &&
            (!read || row.summary->gb_per_s.median > read->summary->gb_per_s.median))
            read = row;
    }
    if (read)
        rows.push_back(*read);
    std::ranges::stable_sort(rows, {}, [](const Row& row) {
        return std::pair(row.entry->failed != Failed::no, row.summary->seconds.median);
    });
    return rows;
}

} // namespace

std::string comparison(const Run& run) {
    const std::vector<Summary> summaries = summarize(run.entries, run.host.cores);
    std::string all;
    for (const Subject& subject : run.subjects)
        for (const Cache cache : {Cache::warm, Cache::cold}) {
            const std::vector<Row> rows = rows_of(run, summaries, subject.path, cache);
            if (std::ranges::none_of(
                    rows, [](const Row& row) { return row.entry->role == Role::peer; }))
                continue;
            all += fmt::format(
                "\nside by side: {}, {} of tensors, {}, medians and averages, rounds: {}\n",
                printable(subject.path.substr(subject.path.rfind('/') + 1)),
                cli::size_text(subject.tensor_bytes),
                cache_name(cache),
                run.rounds);
            all += line(
                "", "median s", "average", "GB/s", "CPU s", "of read", "anonymous", "file-backed");
            for (const Row& row : rows)
                all += text(row);
        }
    return all;
}

} // namespace tz::bench
