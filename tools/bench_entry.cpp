#include <tz/format/error.hpp>
#include <tz/tools/bench_cache.hpp>
#include <tz/tools/bench_entry.hpp>
#include <tz/tools/bench_memory.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace tz::bench {

namespace {

double prepare(const Entry& entry) {
    const std::string& file = entry.reads.empty() ? entry.file : entry.reads;
    double cached = 0;
    if (entry.cache == Cache::cold)
        make_cold(file);
    if (entry.cache == Cache::warm)
        make_warm(file);
    if (entry.cache != Cache::none)
        cached = cached_share(file);
    prepare_memory(entry.memory_bytes);
    return cached;
}

void take_sample(Entry& entry, unsigned round, bool keep) {
    try {
        const double cached = prepare(entry);
        Sample sample = entry.run();
        sample.round = round;
        sample.cached = cached;
        if (entry.crc32 && sample.crc32 && *sample.crc32 != *entry.crc32)
            throw Error(errc::integrity, "its tensors hold other bytes").in(entry.name);
        if (keep)
            entry.samples.push_back(sample);
    } catch (const Error& error) {
        if (entry.role == Role::load || error.kind() == errc::cancelled)
            throw;
        entry.failure = error.what();
        entry.samples.clear();
    }
}

// Warm entries first: a cold one costs the next warm one a read of the whole file.
std::vector<std::size_t> order(const std::vector<Entry>& entries, unsigned round) {
    std::vector<std::size_t> all;
    for (const Cache cache : {Cache::none, Cache::warm, Cache::cold}) {
        std::vector<std::size_t> group;
        for (std::size_t i = 0; i < entries.size(); ++i)
            if (entries[i].cache == cache && entries[i].failure.empty())
                group.push_back(i);
        if (!group.empty())
            std::ranges::rotate(group, group.begin() + round % group.size());
        all.insert(all.end(), group.begin(), group.end());
    }
    return all;
}

void check_stop(const std::stop_token& stop) {
    if (stop.stop_requested())
        throw Error(errc::cancelled, "stopped");
}

} // namespace

unsigned run_rounds(std::vector<Entry>& entries, const RoundOptions& options) {
    const auto start = std::chrono::steady_clock::now();
    const auto passed = [&] {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    double last = 0; // seconds that the round before took
    const unsigned all = options.warmup + options.rounds;
    for (unsigned turn = 0; turn < all; ++turn) {
        const bool warmup = turn < options.warmup;
        const unsigned round = warmup ? 0 : turn - options.warmup;
        const double begin = passed();
        if (round > 0 && options.seconds_max > 0 && begin + last > options.seconds_max)
            return round;
        for (const std::size_t i : order(entries, turn)) {
            check_stop(options.stop);
            if (options.progress)
                options.progress(turn, all, entries[i]);
            take_sample(entries[i], round, !warmup);
        }
        last = passed() - begin;
    }
    return options.rounds;
}

} // namespace tz::bench
