// A sweep as text: `sweep_table`.
#include <tz/format/error.hpp>
#include <tz/tools/bench_report.hpp>
#include <tz/tools/bench_sweep.hpp>
#include <tz/tools/units.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace tz::bench {

namespace {

constexpr std::size_t cell_width = 9;

/// From dark to light; the text on it is white on the darker half.
std::string coloured(const std::string& text, double share) {
    constexpr std::array shades{52, 94, 136, 142, 106, 70};
    // half of the best and less is all the same
    const double level = std::clamp((share - 0.5) * 2, 0.0, 0.999);
    const auto shade = static_cast<std::size_t>(level * shades.size());
    return fmt::format(
        "\x1b[38;5;{};48;5;{}m{}\x1b[0m",
        shade < shades.size() / 2 ? 231 : 16,
        shades[shade],
        text);
}

struct Table {
    const Sweep& sweep;
    const Choice& choice;
    bool colour;

    std::string cell(std::size_t i) const {
        const Cell& cell = sweep.cells[i];
        if (!cell.failure.empty() || cell.samples.empty())
            return fmt::format("{:>{}} ", cell.failure.empty() ? "-" : "failed", cell_width - 1);
        const char* mark = choice.best == i ? "*" : choice.near[i] ? "+" : " ";
        const std::string text =
            fmt::format("{:>{}.2f}{}", median_rate(cell), cell_width - 1, mark);
        return colour ? coloured(text, choice.of_best[i]) : text;
    }

    /// Those from `first` on, all chunk sizes by all concurrencies.
    std::string block(std::size_t first) const {
        const Setting& setting = sweep.cells[first].setting;
        Setting rest = setting;
        rest.concurrency = 0;
        rest.chunk_bytes = 0;
        const std::string title = option_words(rest);
        std::string text = title.empty() ? "\n" : "\n" + title + "\n";
        text += fmt::format("{:<12}", "concurrency");
        for (const std::size_t chunk : sweep.grid.chunk_bytes)
            text += fmt::format("{:>{}} ", size_word(chunk), cell_width - 1);
        std::size_t i = first;
        for (const unsigned concurrency : sweep.grid.concurrency) {
            text.erase(text.find_last_not_of(' ') + 1);
            text += fmt::format("\n{:>11} ", concurrency);
            for (std::size_t chunk = 0; chunk < sweep.grid.chunk_bytes.size(); ++chunk)
                text += cell(i++);
        }
        text.erase(text.find_last_not_of(' ') + 1);
        return text + "\n";
    }
};

std::string heading(const Sweep& sweep) {
    const Subject& subject = sweep.subject;
    return fmt::format(
        "{}{}: {} in {} tensors{}, {}, mode {}\n"
        "GB/s by concurrency and chunk size, medians of up to {} interleaved rounds\n",
        host_line(sweep.host),
        printable(subject.path.substr(subject.path.rfind('/') + 1)),
        cli::size_text(subject.tensor_bytes),
        subject.tensors,
        subject.encrypted ? ", encrypted" : "",
        subject.remote ? "from a server" : cache_name(sweep.cache),
        sweep.mode,
        sweep.rounds);
}

std::string describe(const Sweep& sweep, std::size_t i) {
    const Cell& cell = sweep.cells[i];
    std::vector<double> rates;
    rates.reserve(cell.samples.size());
    for (const Sample& sample : cell.samples)
        rates.push_back(sample.gb_per_s());
    const Spread spread = bench::spread(std::move(rates));
    return fmt::format(
        "{:.2f} GB/s ({:.2f} to {:.2f}), {:.3f} CPU s/GB, {} of staging memory",
        spread.median,
        spread.min,
        spread.max,
        median_cpu_per_gb(cell),
        cli::size_text(staging_bytes(cell.setting, sweep.memory_limit)));
}

std::string conclusion(const Sweep& sweep, const Choice& choice) {
    if (!choice.best || !choice.advised)
        return "\nnothing was measured\n";
    return fmt::format(
        "\n* best   {}\n         {}\n"
        "+ within {:.0f} % of it; of these the cheapest:\n         {}\n         {}\n"
        "use: {}\n",
        option_words(sweep.cells[*choice.best].setting),
        describe(sweep, *choice.best),
        (1 - near_share) * 100,
        option_words(sweep.cells[*choice.advised].setting),
        describe(sweep, *choice.advised),
        option_words(sweep.cells[*choice.advised].setting));
}

} // namespace

std::string sweep_table(const Sweep& sweep, bool colour) {
    const Choice choice = choose(sweep.cells, sweep.memory_limit);
    const Table table{sweep, choice, colour};
    std::string text = heading(sweep);
    const std::size_t block = sweep.grid.concurrency.size() * sweep.grid.chunk_bytes.size();
    for (std::size_t first = 0; first < sweep.cells.size(); first += block)
        text += table.block(first);
    text += conclusion(sweep, choice);
    for (const Cell& cell : sweep.cells)
        if (!cell.failure.empty())
            text += fmt::format(
                "not measured: {}: {}\n", option_words(cell.setting), printable(cell.failure));
    for (const std::string& note : sweep.notes)
        text += "note: " + note + "\n";
    return text;
}

} // namespace tz::bench
