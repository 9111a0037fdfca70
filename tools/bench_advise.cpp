#include <tz/engine/machine.hpp>
#include <tz/format/error.hpp>
#include <tz/protocols/open.hpp>
#include <tz/tools/bench_advise.hpp>
#include <tz/tools/bench_cache.hpp>
#include <tz/tools/bench_ceilings.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

namespace tz::bench {

namespace {

constexpr std::size_t probe_bytes = 64 << 20;
constexpr unsigned probes = 3;

/// Asks for a stop when `outer` does, and when the time is over.
class TimeLimit {
public:
    TimeLimit(const std::stop_token& outer, double seconds)
        : forward_(outer, Forward{&over_}),
          thread_([this, seconds](const std::stop_token& ended) {
              std::mutex mutex;
              std::condition_variable_any never;
              std::unique_lock lock(mutex);
              const std::chrono::duration<double> time(seconds);
              never.wait_for(lock, ended, time, [] { return false; });
              over_.request_stop();
          }) {}

    std::stop_token token() const { return over_.get_token(); }

private:
    struct Forward {
        std::stop_source* to;

        void operator()() const { to->request_stop(); }
    };

    std::stop_source over_;
    std::stop_callback<Forward> forward_;
    std::jthread thread_;
};

/// Time of one small request or read: opening the file and reading its index, by the number of
/// requests that this takes.
double first_byte_seconds(Engine& engine, const Subject& subject, const CellOptions& options) {
    std::vector<double> times;
    for (unsigned i = 0; i < probes; ++i) {
        if (options.cache == Cache::cold)
            make_cold(subject.path);
        LoadOptions index;
        index.verify = Verify::none;
        index.headers_only = true;
        index.selection.wanted = [](const format::Tensor&) { return false; };
        index.stop = options.stop;
        const Stopwatch watch;
        const Loaded loaded =
            load(engine, open(subject.uri, subject.network, subject.direct), index);
        const auto requests = std::max<std::uint64_t>(1, loaded.stats.requests);
        times.push_back(watch.stop(0).seconds / static_cast<double>(requests));
    }
    return spread(std::move(times)).median;
}

std::vector<CheckCost> check_costs(const Subject& subject) {
    std::vector<CheckCost> costs;
    for (const Entry& entry : stage_ceilings())
        if ((entry.name == stage_crc32 && subject.crc32) ||
            (entry.name == stage_sha256 && subject.sha256) ||
            (entry.name == stage_open && subject.encrypted))
            costs.push_back({entry.name, entry.run().cpu_seconds_per_gb()});
    return costs;
}

void limit_part(Subject& subject, std::uint64_t bytes_max) {
    if (bytes_max >= subject.tensor_bytes)
        return;
    subject.part.bytes_max = bytes_max;
    subject.tensor_bytes = bytes_max;
}

/// GB/s of a whole sample, with its process, its memory and the comparison of what was loaded.
double probe(CellRunner& runner, unsigned concurrency) {
    Cell cell;
    cell.setting.concurrency = concurrency;
    const Stopwatch watch;
    runner.take(cell, 0);
    if (!cell.failure.empty())
        throw Error(errc::io, cell.failure);
    return watch.stop(cell.samples.front().bytes).gb_per_s();
}

std::uint64_t bytes_for(const Tuning& tuning, double seconds) {
    Subject subject = tuning.subject;
    limit_part(subject, probe_bytes);
    CellRunner runner(std::move(subject), tuning.options);
    const double rate = probe(runner, 0);
    return sample_bytes(rate, probe(runner, 1), seconds);
}

void run_search(
    Advised& advised,
    const Tuning& tuning,
    const Bounds& bounds,
    const std::function<void(const Setting&)>& progress) {
    CellRunner runner(advised.subject, tuning.options);
    unsigned turn = 0;
    while (const auto setting = next_setting(advised.cells, bounds)) {
        progress(*setting);
        auto cell = std::ranges::find(advised.cells, *setting, &Cell::setting);
        if (cell == advised.cells.end())
            cell = advised.cells.insert(cell, Cell{*setting, {}, {}});
        runner.take(*cell, turn++); // no two samples share a round
    }
}

bool any_sample(const Advised& advised) {
    return std::ranges::any_of(
        advised.cells, [](const Cell& cell) { return !cell.samples.empty(); });
}

/// What is measured beside loads.
void look_around(Engine& engine, Advised& advised, const CellOptions& options) {
    Surroundings& around = advised.surroundings;
    around.remote = advised.subject.remote;
    around.cores = advised.host.cores;
    around.memory_bytes = memory_available();
    around.checks = check_costs(advised.subject);
    around.first_byte_seconds = first_byte_seconds(engine, advised.subject, options);
}

} // namespace

Advised search(Tuning tuning, double seconds, cli::Console& console, bool progress) {
    const std::stop_token stop = tuning.options.stop;
    const TimeLimit limit(stop, seconds);
    tuning.options.stop = limit.token();
    Advised advised;
    advised.host = this_host();
    advised.subject = tuning.subject;
    advised.cache = tuning.options.cache;
    advised.mode = tuning.options.mode.name;
    advised.notes = tuning.notes;
    advised.surroundings.memory_limit = tuning.memory_limit;
    if (!advised.subject.remote)
        advised.surroundings.automatic = file_setting(tuning.memory_limit);
    const auto tell = [&](const Setting& setting) {
        if (progress)
            console.bar(fmt::format(
                "measuring {}", setting.automatic() ? "without options" : option_words(setting)));
    };
    try {
        Engine engine;
        look_around(engine, advised, tuning.options);
        limit_part(advised.subject, bytes_for(tuning, seconds));
        Bounds bounds;
        bounds.memory_limit = tuning.memory_limit;
        bounds.automatic = advised.surroundings.automatic;
        run_search(advised, tuning, bounds, tell);
    } catch (const Error& error) {
        if (error.kind() != errc::cancelled)
            throw;
        advised.stopped = stop.stop_requested();
        if (!any_sample(advised) && !advised.stopped)
            throw Error(
                errc::deadline,
                "nothing was measured in time",
                {},
                "give --seconds more, or --max-bytes less")
                .in(advised.subject.path);
    }
    // what the end of the time cut off
    std::erase_if(advised.cells, [](const Cell& cell) {
        return cell.samples.empty() && cell.failure.empty();
    });
    console.clear();
    return advised;
}

} // namespace tz::bench
