#include <tz/engine/alignment.hpp>
#include <tz/engine/geometry.hpp>
#include <tz/format/error.hpp>
#include <tz/tools/bench_sweep_plan.hpp>
#include <tz/tools/units.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

namespace tz::bench {

namespace {

constexpr std::size_t cells_max = 1000;
constexpr std::size_t margins = 2 * direct_alignment; // what alignment may add to a chunk

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> parts;
    std::size_t begin = 0;
    for (;;) {
        const std::size_t end = text.find(',', begin);
        parts.push_back(text.substr(begin, end - begin));
        if (end == std::string::npos)
            return parts;
        begin = end + 1;
    }
}

struct Limits {
    std::uint64_t low;
    std::uint64_t high;
    std::function<std::string(std::uint64_t)> name; ///< of a value, for people
    std::function<std::uint64_t(const std::string&)> parse;
};

std::uint64_t parse_value(const std::string& text, const Limits& limits) {
    const std::uint64_t value = limits.parse(text);
    if (value >= limits.low && value <= limits.high)
        return value;
    throw Error(
        errc::usage,
        fmt::format(
            "'{}' is not within {} to {}",
            printable(text),
            limits.name(limits.low),
            limits.name(limits.high)));
}

void add_doublings(
    std::vector<std::uint64_t>& values, const std::string& text, std::size_t dots, Limits limits) {
    limits.low = std::max<std::uint64_t>(1, limits.low); // 0 has no double
    const std::uint64_t first = parse_value(text.substr(0, dots), limits);
    const std::uint64_t last = parse_value(text.substr(dots + 2), limits);
    if (first > last)
        throw Error(
            errc::usage,
            fmt::format("the range '{}' ends before it begins", printable(text)),
            {},
            "write the smaller value first, as in 1..64");
    for (std::uint64_t value = first; value < last; value *= 2)
        values.push_back(value);
    values.push_back(last);
}

std::vector<std::uint64_t> parse_values(const std::string& text, const Limits& limits) {
    std::vector<std::uint64_t> values;
    for (const std::string& part : split(text)) {
        const std::size_t dots = part.find("..");
        if (dots == std::string::npos)
            values.push_back(parse_value(part, limits));
        else
            add_doublings(values, part, dots, limits);
    }
    std::ranges::sort(values);
    const auto repeated = std::ranges::unique(values);
    values.erase(repeated.begin(), repeated.end());
    return values;
}

/// Why the engine would refuse the setting; "" where it would not.
std::string refusal(const Setting& setting, std::size_t memory_limit) {
    EngineOptions options;
    options.concurrency = setting.concurrency;
    options.chunk_bytes = setting.chunk_bytes;
    options.memory_limit = memory_limit;
    try {
        choose_geometry(options);
    } catch (const Error&) {
        return fmt::format(
            "takes {} of staging memory, more than --memory-limit {}",
            cli::size_text(staging_bytes(setting, memory_limit)),
            size_word(memory_limit));
    }
    return {};
}

} // namespace

std::vector<unsigned> parse_counts(const std::string& text, unsigned low, unsigned high) {
    const Limits limits{
        low, high, [](std::uint64_t value) { return std::to_string(value); }, cli::parse_number};
    std::vector<unsigned> counts;
    for (const std::uint64_t value : parse_values(text, limits))
        counts.push_back(static_cast<unsigned>(value));
    return counts;
}

std::vector<std::size_t> parse_sizes(const std::string& text, std::size_t low, std::size_t high) {
    return parse_values(text, {low, high, size_word, cli::parse_size});
}

std::vector<std::string>
parse_words(const std::string& text, const std::vector<std::string>& choices) {
    std::vector<std::string> words;
    for (std::string& word : split(text)) {
        if (std::ranges::find(choices, word) == choices.end())
            throw Error(
                errc::usage,
                fmt::format("'{}' is none of {}", printable(word), fmt::join(choices, ", ")));
        if (std::ranges::find(words, word) == words.end())
            words.push_back(std::move(word));
    }
    return words;
}

std::vector<Cell> cells_of(const Grid& grid, std::size_t memory_limit) {
    const std::size_t count = grid.io.size() * grid.direct.size() * grid.workers.size() *
                              grid.concurrency.size() * grid.chunk_bytes.size();
    if (count > cells_max)
        throw Error(
            errc::usage,
            fmt::format("{} combinations are more than {}", count, cells_max),
            {},
            "try fewer values of each option");
    std::vector<Cell> cells;
    cells.reserve(count);
    for (const std::string& io : grid.io)
        for (const std::string& direct : grid.direct)
            for (const unsigned workers : grid.workers)
                for (const unsigned concurrency : grid.concurrency)
                    for (const std::size_t chunk_bytes : grid.chunk_bytes) {
                        Cell& cell = cells.emplace_back();
                        cell.setting = {concurrency, chunk_bytes, workers, direct, io};
                        cell.failure = refusal(cell.setting, memory_limit);
                    }
    return cells;
}

std::vector<std::size_t> round_order(std::size_t cells, unsigned round, unsigned rounds) {
    std::vector<std::size_t> order(cells);
    const std::size_t first = cells * (round % std::max(1U, rounds)) / std::max(1U, rounds);
    for (std::size_t i = 0; i < cells; ++i)
        order[i] = (first + i) % cells;
    return order;
}

Setting file_setting(std::size_t memory_limit) {
    EngineOptions options;
    options.memory_limit = memory_limit;
    const Geometry geometry = choose_geometry(options);
    Setting setting;
    setting.concurrency = geometry.lanes;
    setting.chunk_bytes = geometry.chunk_bytes;
    return setting;
}

std::uint64_t staging_bytes(const Setting& setting, std::size_t memory_limit) {
    if (setting.concurrency == 0 || setting.chunk_bytes == 0)
        return memory_limit;
    return std::uint64_t{setting.concurrency} * (setting.chunk_bytes + margins);
}

std::string size_word(std::uint64_t bytes) {
    constexpr std::array units{"GiB", "MiB", "KiB"};
    for (std::size_t i = 0; i < units.size(); ++i) {
        const std::uint64_t unit = std::uint64_t{1} << (30 - 10 * i);
        if (bytes > 0 && bytes % unit == 0)
            return fmt::format("{}{}", bytes / unit, units[i]);
    }
    return std::to_string(bytes);
}

std::string option_words(const Setting& setting) {
    std::vector<std::string> words;
    if (setting.concurrency > 0)
        words.push_back(fmt::format("--concurrency {}", setting.concurrency));
    if (setting.chunk_bytes > 0)
        words.push_back("--chunk-size " + size_word(setting.chunk_bytes));
    if (setting.workers > 0)
        words.push_back(fmt::format("--workers {}", setting.workers));
    if (setting.direct != "auto")
        words.push_back("--direct " + setting.direct);
    if (setting.io != "auto")
        words.push_back("--io " + setting.io);
    return fmt::format("{}", fmt::join(words, " "));
}

} // namespace tz::bench
