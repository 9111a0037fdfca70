// What a search found, as text and as JSON.
#include <tz/format/error.hpp>
#include <tz/tools/bench_advise.hpp>
#include <tz/tools/bench_report.hpp>
#include <tz/tools/bench_sweep.hpp>
#include <tz/tools/units.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace tz::bench {

namespace {

/// The fastest first, since the order in which they were tried says nothing.
std::vector<std::size_t> by_rate(const std::vector<Cell>& cells) {
    std::vector<std::size_t> order(cells.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::sort(order, [&](std::size_t i, std::size_t j) {
        return std::pair(-median_rate(cells[i]), i) < std::pair(-median_rate(cells[j]), j);
    });
    return order;
}

std::string setting_text(const Setting& setting) {
    return setting.automatic() ? "no options" : option_words(setting);
}

std::string rows(const Advised& advised, const Choice& choice) {
    std::string text;
    for (const std::size_t i : by_rate(advised.cells)) {
        const Cell& cell = advised.cells[i];
        text += fmt::format("  {:<40}", setting_text(cell.setting));
        if (!cell.failure.empty())
            text += fmt::format("failed: {}\n", printable(cell.failure));
        else
            text += fmt::format(
                "{:>6.2f} GB/s{} {:>7.3f} CPU s/GB {:>3} sample{}\n",
                median_rate(cell),
                choice.best == i ? "*"
                : choice.near[i] ? "+"
                                 : " ",
                median_cpu_per_gb(cell),
                cell.samples.size(),
                cell.samples.size() == 1 ? "" : "s");
    }
    return text;
}

std::string heading(const Advised& advised) {
    const Subject& subject = advised.subject;
    return fmt::format(
        "{}{}: {} at a time, {}, mode {}\n\n",
        host_line(advised.host),
        printable(subject.path.substr(subject.path.rfind('/') + 1)),
        cli::size_text(subject.tensor_bytes),
        subject.remote ? "from a server" : cache_name(advised.cache),
        advised.mode);
}

} // namespace

std::string to_text(const Advised& advised) {
    const Choice choice = choose(advised.cells, advised.surroundings.memory_limit);
    std::string text = heading(advised);
    if (!choice.advised) {
        text += "nothing was measured\n";
    } else {
        const Advice advice = advise(advised.cells, choice, advised.surroundings);
        text += rows(advised, choice);
        text += fmt::format("\nuse: {}\n", advice.options.empty() ? "no options" : advice.options);
        for (const std::string& reason : advice.reasons)
            text += "  " + reason + "\n";
    }
    if (advised.stopped)
        text += "note: stopped before all was measured\n";
    for (const std::string& note : advised.notes)
        text += "note: " + note + "\n";
    return text;
}

cli::Json to_json(const Advised& advised, const std::vector<std::string>& arguments) {
    const Surroundings& around = advised.surroundings;
    const Choice choice = choose(advised.cells, around.memory_limit);
    cli::Json json = cli::result("tz-bench-advice/1");
    json["host"] = to_json(advised.host);
    json["args"] = arguments;
    json["source"] = subject_json(advised.subject, advised.cache, advised.mode);
    json["first_byte_seconds"] = around.first_byte_seconds;
    json["memory_free_bytes"] = around.memory_bytes;
    json["memory_limit_bytes"] = around.memory_limit;
    json["checks"] = cli::Json::array();
    for (const CheckCost& check : around.checks)
        json["checks"].push_back(
            {{"name", check.name}, {"cpu_seconds_per_gb", check.cpu_seconds_per_gb}});
    json["cells"] = cli::Json::array();
    for (std::size_t i = 0; i < advised.cells.size(); ++i)
        json["cells"].push_back(cell_json(advised.cells[i], i, choice, around.memory_limit));
    json["stopped"] = advised.stopped;
    json["options"] = nullptr;
    json["reasons"] = cli::Json::array();
    if (choice.advised) {
        const Advice advice = advise(advised.cells, choice, around);
        json["options"] = advice.options;
        json["reasons"] = advice.reasons;
    }
    json["notes"] = advised.notes;
    return json;
}

} // namespace tz::bench
