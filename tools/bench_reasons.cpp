// The sentences of `advise`.
#include <tz/tools/bench_advice.hpp>
#include <tz/tools/units.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace tz::bench {

namespace {

struct Measured {
    const std::vector<Cell>& cells;
    const Choice& choice;
    const std::optional<Setting>& automatic;

    const Cell& advised() const { return cells[*choice.advised]; }

    double best_rate() const { return median_rate(cells[*choice.best]); }

    const Cell* find(const Setting& setting) const {
        const auto found = std::ranges::find(cells, setting, &Cell::setting);
        return found == cells.end() || found->samples.empty() ? nullptr : &*found;
    }
};

std::string time_text(double seconds) {
    return seconds < 1e-3 ? fmt::format("{:.0f} µs", seconds * 1e6)
                          : fmt::format("{:.1f} ms", seconds * 1e3);
}

/// The others that differ from the advised one in this alone, with their rates.
template <typename Member>
std::string others(const Measured& measured, Member Setting::* member, auto name) {
    std::vector<std::pair<Member, double>> found;
    for (const Cell& cell : measured.cells) {
        const Setting setting = placed(cell.setting, measured.automatic);
        Setting same = setting;
        same.*member = measured.advised().setting.*member;
        if (same == measured.advised().setting && !(setting == same) && !cell.samples.empty())
            found.emplace_back(setting.*member, median_rate(cell));
    }
    std::ranges::sort(found);
    std::vector<std::string> texts;
    texts.reserve(found.size());
    for (const auto& [value, rate] : found)
        texts.push_back(fmt::format("{} gave {:.2f} GB/s", name(value), rate));
    return fmt::format("{}", fmt::join(texts, ", "));
}

/// With what is to be compared, or without where nothing is.
std::string compared(const std::string& sentence, const std::string& with) {
    return with.empty() ? sentence + "." : fmt::format("{}; {}.", sentence, with);
}

void add_options(std::vector<std::string>& reasons, const Measured& measured) {
    const Setting& setting = measured.advised().setting;
    const double rate = median_rate(measured.advised());
    if (setting.concurrency > 0)
        reasons.push_back(compared(
            fmt::format(
                "--concurrency {}: {:.2f} GB/s with as many chunks in flight",
                setting.concurrency,
                rate),
            others(measured, &Setting::concurrency, [](unsigned value) {
                return std::to_string(value);
            })));
    if (setting.chunk_bytes > 0)
        reasons.push_back(compared(
            fmt::format("--chunk-size {}: {:.2f} GB/s", size_word(setting.chunk_bytes), rate),
            others(measured, &Setting::chunk_bytes, [](std::size_t value) {
                return size_word(value);
            })));
}

void add_default(std::vector<std::string>& reasons, const Measured& measured) {
    const Cell* automatic = measured.find({});
    if (automatic == nullptr)
        return;
    const std::size_t at = static_cast<std::size_t>(automatic - measured.cells.data());
    const bool advised = measured.advised().setting.automatic();
    reasons.push_back(fmt::format(
        "Without options a load runs at {:.2f} GB/s{}, {:.0f} % of the best that was found ({}){}.",
        median_rate(*automatic),
        measured.automatic ? " (as with " + option_words(*measured.automatic) + ")" : "",
        measured.choice.of_best[at] * 100,
        *measured.choice.best == at ? "no options"
                                    : option_words(measured.cells[*measured.choice.best].setting),
        advised ? ": none are needed" : ""));
}

void add_source(
    std::vector<std::string>& reasons, const Measured& measured, const Surroundings& around) {
    std::string text = fmt::format(
        "A small {} of the {} takes {}",
        around.remote ? "request" : "read",
        around.remote ? "server" : "file",
        time_text(around.first_byte_seconds));
    double lane_rate = 0;
    for (const Cell& cell : measured.cells)
        if (cell.setting.concurrency == 1)
            lane_rate = std::max(lane_rate, median_rate(cell));
    if (lane_rate > 0)
        text += fmt::format(
            ", and one chunk at a time comes at {:.2f} GB/s: several in flight bring {:.1f} times "
            "that",
            lane_rate,
            measured.best_rate() / lane_rate);
    reasons.push_back(text + ".");
}

void add_checks(
    std::vector<std::string>& reasons, const Measured& measured, const Surroundings& around) {
    for (const CheckCost& check : around.checks) {
        const double ceiling = around.cores / std::max(1e-6, check.cpu_seconds_per_gb);
        const bool enough = ceiling > measured.best_rate();
        reasons.push_back(fmt::format(
            "{} costs {:.3f} CPU s/GB, so {} core{} do at most {:.1f} GB/s of it: {}.",
            check.name,
            check.cpu_seconds_per_gb,
            around.cores,
            around.cores == 1 ? "" : "s",
            ceiling,
            enough ? "more than comes in, --workers can stay as it is"
                   : "less than comes in, so that cores, not reads, would be the bound"));
    }
}

void add_memory(
    std::vector<std::string>& reasons, const Measured& measured, const Surroundings& around) {
    reasons.push_back(fmt::format(
        "Chunks in flight take up to {} of staging memory; {} are free.",
        cli::size_text(staging_bytes(
            placed(measured.advised().setting, measured.automatic), around.memory_limit)),
        cli::size_text(around.memory_bytes)));
}

void add_doubt(std::vector<std::string>& reasons, const Measured& measured) {
    constexpr std::size_t enough = 3;
    const Cell* automatic = measured.find({});
    const bool few = measured.advised().samples.size() < enough ||
                     measured.cells[*measured.choice.best].samples.size() < enough ||
                     (automatic != nullptr && automatic->samples.size() < 2);
    if (few)
        reasons.emplace_back("There was time for few samples: with more --seconds this is surer.");
}

} // namespace

Advice
advise(const std::vector<Cell>& cells, const Choice& choice, const Surroundings& surroundings) {
    const Measured measured{cells, choice, surroundings.automatic};
    Advice advice;
    advice.options = option_words(measured.advised().setting);
    add_default(advice.reasons, measured);
    add_options(advice.reasons, measured);
    add_source(advice.reasons, measured, surroundings);
    add_checks(advice.reasons, measured, surroundings);
    add_memory(advice.reasons, measured, surroundings);
    add_doubt(advice.reasons, measured);
    return advice;
}

} // namespace tz::bench
