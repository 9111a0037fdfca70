#include <tz/format/error.hpp>
#include <tz/tools/bench_cache.hpp>
#include <tz/tools/bench_entry.hpp>
#include <tz/tools/bench_memory.hpp>
#include <tz/tools/bench_stop.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <utility>

namespace tz::bench {

namespace {

/// The file, or all files of the folder.
std::vector<std::string> files_of(const std::string& path) {
    if (!std::filesystem::is_directory(path))
        return {path};
    std::vector<std::string> files;
    for (const auto& file : std::filesystem::recursive_directory_iterator(path))
        if (file.is_regular_file())
            files.push_back(file.path().string());
    return files;
}

/// Returns the largest share of a file that is in the page cache then.
double prepare(const Entry& entry, const std::stop_token& stop) {
    double cached = 0;
    if (entry.cache != Cache::none)
        for (const std::string& file : files_of(entry.reads.empty() ? entry.file : entry.reads)) {
            if (entry.cache == Cache::cold)
                make_cold(file);
            else
                make_warm(file, stop);
            cached = std::max(cached, cached_share(file));
        }
    prepare_memory(entry.memory_bytes, stop);
    return cached;
}

Sample run_watched(const Entry& entry) {
    const double wall = monotonic_seconds();
    const double steal = machine_steal_seconds();
    const double busy = machine_busy_seconds();
    const double ours = family_cpu_seconds();
    Sample sample = entry.run();
    sample.interference.wall_seconds = monotonic_seconds() - wall;
    sample.interference.steal_seconds = machine_steal_seconds() - steal;
    const double others = machine_busy_seconds() - busy - (family_cpu_seconds() - ours);
    sample.interference.others_cpu_seconds = std::max(0.0, others);
    return sample;
}

Failed failed_by(const Error& error) {
    if (error.kind() == errc::deadline)
        return Failed::timed_out;
    return error.kind() == errc::integrity ? Failed::wrong_bytes : Failed::crashed;
}

void take_sample(Entry& entry, unsigned round, bool keep, const std::stop_token& stop) {
    try {
        const double cached = prepare(entry, stop);
        Sample sample = run_watched(entry);
        sample.round = round;
        sample.cached = cached;
        if (entry.crc32 && sample.crc32 && *sample.crc32 != *entry.crc32)
            throw Error(errc::integrity, "its tensors hold other bytes").in(entry.name);
        if (keep)
            entry.samples.push_back(sample);
    } catch (const Error& error) {
        if (entry.role == Role::load || error.kind() == errc::cancelled)
            throw;
        entry.failed = failed_by(error);
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
            if (entries[i].cache == cache && entries[i].failed == Failed::no)
                group.push_back(i);
        if (!group.empty())
            std::ranges::rotate(group, group.begin() + round % group.size());
        all.insert(all.end(), group.begin(), group.end());
    }
    return all;
}

/// Of the rounds before `rounds`, which are complete.
void keep_samples(std::vector<Entry>& entries, unsigned rounds) {
    for (Entry& entry : entries)
        std::erase_if(
            entry.samples, [rounds](const Sample& sample) { return sample.round >= rounds; });
}

void take_round(std::vector<Entry>& entries, unsigned turn, const RoundOptions& options) {
    const bool warmup = turn < options.warmup;
    const unsigned round = warmup ? 0 : turn - options.warmup;
    for (const std::size_t i : order(entries, turn)) {
        check_stop(options.stop);
        if (options.progress)
            options.progress(turn, options.warmup + options.rounds, entries[i]);
        take_sample(entries[i], round, !warmup, options.stop);
    }
}

} // namespace

const char* failed_name(Failed failed) {
    switch (failed) {
    case Failed::no:
        return "";
    case Failed::missing:
        return "missing";
    case Failed::crashed:
        return "crashed";
    case Failed::timed_out:
        return "timed_out";
    case Failed::wrong_bytes:
        return "wrong_bytes";
    }
    return "";
}

void leave_out_disturbed(std::vector<Entry>& entries, unsigned cores) {
    for (Entry& entry : entries) {
        std::vector<double> disturbances;
        for (const Sample& sample : entry.samples)
            disturbances.push_back(disturbance(sample.interference, cores));
        const Sifted sifted = sift_samples(disturbances);
        entry.unsteady = sifted.unsteady;
        for (std::size_t i = 0; i < entry.samples.size(); ++i)
            entry.samples[i].left_out = sifted.left_out[i];
    }
}

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
        try {
            take_round(entries, turn, options);
        } catch (const Error& error) {
            if (error.kind() != errc::cancelled || round == 0)
                throw;
            keep_samples(entries, round);
            return round;
        }
        last = passed() - begin;
    }
    return options.rounds;
}

} // namespace tz::bench
