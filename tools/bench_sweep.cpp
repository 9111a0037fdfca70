#include <tz/format/error.hpp>
#include <tz/tools/bench_report.hpp>
#include <tz/tools/bench_sweep.hpp>

#include <fmt/format.h>

#include <string_view>

namespace tz::bench {

namespace {

template <typename T>
cli::Json optional_json(const std::optional<T>& value) {
    return value ? cli::Json(*value) : cli::Json(nullptr);
}

cli::Json sample_json(const Sample& sample) {
    return {
        {"round", sample.round},
        {"bytes", sample.bytes},
        {"seconds", sample.seconds},
        {"cpu_seconds", optional_json(sample.cpu_seconds)},
        {"gb_per_s", sample.gb_per_s()},
        {"cached_share", sample.cached},
        {"steal_seconds", sample.steal_seconds},
    };
}

void run_rounds(Sweep& sweep, CellRunner& runner, cli::Console& console, bool progress) {
    for (unsigned round = 0; round < sweep.rounds; ++round)
        for (const std::size_t i : round_order(sweep.cells.size(), round, sweep.rounds)) {
            Cell& cell = sweep.cells[i];
            if (!cell.failure.empty())
                continue;
            if (progress)
                console.bar(fmt::format(
                    "round {} of {}: {}", round + 1, sweep.rounds, option_words(cell.setting)));
            runner.take(cell, round);
        }
}

} // namespace

void run_sweep(Sweep& sweep, CellRunner& runner, cli::Console& console, bool progress) {
    const double steal = machine_steal_seconds();
    try {
        run_rounds(sweep, runner, console, progress);
    } catch (const Error& error) {
        if (error.kind() != errc::cancelled)
            throw;
        sweep.stopped = true;
        sweep.notes.emplace_back("stopped before all was measured");
    }
    console.clear();
    sweep.host.steal_seconds = machine_steal_seconds() - steal;
}

cli::Json subject_json(const Subject& subject, Cache cache, const std::string& mode) {
    return {
        {"file", subject.path},
        {"file_bytes", subject.file_bytes},
        {"loaded_bytes", subject.tensor_bytes},
        {"tensors", subject.tensors},
        {"encrypted", subject.encrypted},
        {"filesystem", subject.filesystem},
        {"cache", subject.remote ? "server" : cache_name(cache)},
        {"mode", mode},
    };
}

cli::Json cell_json(const Cell& cell, std::size_t index, const Choice& choice, std::size_t limit) {
    const bool measured = !cell.samples.empty();
    std::vector<double> rates;
    rates.reserve(cell.samples.size());
    for (const Sample& sample : cell.samples)
        rates.push_back(sample.gb_per_s());
    const Spread spread = bench::spread(rates);
    cli::Json json{
        {"concurrency", cell.setting.concurrency},
        {"chunk_bytes", cell.setting.chunk_bytes},
        {"workers", cell.setting.workers},
        {"direct", cell.setting.direct},
        {"io", cell.setting.io},
        {"staging_bytes", staging_bytes(cell.setting, limit)},
        {"gb_per_s", measured ? cli::Json(spread.median) : cli::Json(nullptr)},
        {"spread", {{"min", spread.min}, {"max", spread.max}}},
        {"of_best", choice.of_best[index]},
        {"cpu_seconds_per_gb", median_cpu_per_gb(cell)},
        {"best", choice.best == index},
        {"within", static_cast<bool>(choice.near[index])},
        {"advised", choice.advised == index},
        {"failure", cell.failure},
        {"samples", cli::Json::array()},
    };
    for (const Sample& sample : cell.samples)
        json["samples"].push_back(sample_json(sample));
    return json;
}

cli::Json to_json(const Sweep& sweep) {
    const Choice choice = choose(sweep.cells, sweep.memory_limit);
    cli::Json json = cli::result("tz-bench-sweep/1");
    json["host"] = to_json(sweep.host);
    json["args"] = sweep.arguments;
    json["source"] = subject_json(sweep.subject, sweep.cache, sweep.mode);
    json["rounds"] = sweep.rounds;
    json["stopped"] = sweep.stopped;
    json["memory_limit_bytes"] = sweep.memory_limit;
    cli::Json& grid = json["sweep"];
    grid["concurrency"] = sweep.grid.concurrency;
    grid["chunk_bytes"] = sweep.grid.chunk_bytes;
    grid["workers"] = sweep.grid.workers;
    grid["direct"] = sweep.grid.direct;
    grid["io"] = sweep.grid.io;
    grid["cells"] = cli::Json::array();
    for (std::size_t i = 0; i < sweep.cells.size(); ++i)
        grid["cells"].push_back(cell_json(sweep.cells[i], i, choice, sweep.memory_limit));
    json["options"] = choice.advised ? option_words(sweep.cells[*choice.advised].setting) : "";
    json["notes"] = sweep.notes;
    return json;
}

bool wants_colour(bool terminal, const char* no_color, const char* force, const char* term) {
    const auto set = [](const char* value) { return value != nullptr && *value != '\0'; };
    if (set(no_color))
        return false;
    if (set(force) && std::string_view(force) != "0")
        return true;
    return terminal && set(term) && std::string_view(term) != "dumb";
}

} // namespace tz::bench
