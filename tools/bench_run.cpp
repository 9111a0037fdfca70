#include <tz/engine/machine.hpp>
#include <tz/format/error.hpp>
#include <tz/tools/bench_cache.hpp>
#include <tz/tools/bench_ceilings.hpp>
#include <tz/tools/bench_fio.hpp>
#include <tz/tools/bench_run.hpp>
#include <tz/tools/units.hpp>

#include <fmt/format.h>

#include <utility>

namespace tz::bench {

namespace {

constexpr double cold_share_max = 0.01;

/// A load and what it is compared with are never in memory together, but the page cache holds the
/// file.
void check_memory(const Subject& subject) {
    if (subject.tensor_bytes > memory_available())
        throw Error(
            errc::limit,
            fmt::format(
                "{} of tensors don't fit the memory that is free",
                cli::size_text(subject.tensor_bytes)))
            .in(subject.path);
}

/// Some filesystems live in memory, and some files are mapped by others: then nothing can be
/// dropped.
bool can_be_cold(const Subject& subject, std::vector<std::string>& notes) {
    make_cold(subject.path);
    const double share = cached_share(subject.path);
    if (share <= cold_share_max)
        return true;
    notes.push_back(fmt::format(
        "no cold loads of {}: {:.0f} % of it stay in memory ({})",
        printable(subject.path),
        share * 100,
        subject.filesystem));
    return false;
}

void append(std::vector<Entry>& to, std::vector<Entry> entries) {
    for (Entry& entry : entries)
        to.push_back(std::move(entry));
}

/// Whether the file has what the mode checks, and pages that can be handed out.
bool suits(const Mode& mode, const Subject& subject) {
    if (mode.memory == Memory::mapped && subject.encrypted)
        return false;
    if (mode.verify == Verify::crc32)
        return subject.crc32;
    if (mode.verify == Verify::sha256)
        return subject.sha256;
    return mode.verify != Verify::all || subject.crc32 || subject.sha256;
}

std::vector<Mode>
modes_for(const Subject& subject, const RunOptions& options, std::vector<std::string>& notes) {
    if (options.modes.empty())
        return usual_modes(subject);
    std::vector<Mode> modes;
    for (const Mode& mode : options.modes)
        if (suits(mode, subject))
            modes.push_back(mode);
        else
            notes.push_back(fmt::format(
                "no mode {} for {}: {}",
                mode.name,
                printable(subject.path),
                mode.memory == Memory::mapped ? "it is encrypted" : "hashes are missing"));
    return modes;
}

struct FileRun {
    const Subject& subject;
    const RunOptions& options;
    const CeilingOptions& ceilings;
    const std::vector<Mode> modes;
    const std::string against; ///< the file whose sources are measured

    void add_to(std::vector<Entry>& entries, Cache cache) const {
        const std::stop_token& stop = options.rounds.stop;
        for (const Mode& mode : modes)
            entries.push_back(load_entry(options.sample_command, subject, mode, cache, stop));
        for (const Peer& peer : options.peers)
            if (!subject.remote && peer.suits(subject) && peer.cache.value_or(cache) == cache)
                entries.push_back(peer_entry(peer, subject, cache, options.peer_seconds_max, stop));
        for (Entry& entry : entries)
            if (entry.file == subject.path)
                entry.against = against;
        if (against == subject.path && !subject.remote)
            append(entries, file_ceilings(subject.path, cache, ceilings));
    }
};

RoundOptions with_progress(const RunOptions& options, cli::Console& console) {
    RoundOptions rounds = options.rounds;
    if (!options.quiet && console.terminal())
        rounds.progress = [&console](unsigned turn, unsigned all, const Entry& entry) {
            console.bar(fmt::format("round {} of {}: {}", turn + 1, all, printable(entry.name)));
        };
    return rounds;
}

} // namespace

Run measure(
    Engine& engine,
    std::vector<Subject> subjects,
    const RunOptions& options,
    cli::Console& console) {
    Run run;
    run.host = this_host();
    run.notes = options.notes;
    const double steal_before = machine_steal_seconds();
    CeilingOptions ceilings;
    ceilings.cores = run.host.cores;
    ceilings.stop = options.rounds.stop;
    ceilings.fio = options.fio && options.cold && fio_installed();
    if (options.fio && options.cold && !ceilings.fio)
        run.notes.emplace_back("fio is not installed, so cold loads are held against pread alone");
    run.memory_limit = engine.options().memory_limit;
    for (Subject& subject : subjects) {
        check_memory(subject);
        read_contents(engine, subject, options.rounds.stop);
        const FileRun file{
            subject,
            options,
            ceilings,
            modes_for(subject, options, run.notes),
            options.sources_once ? subjects.front().path : subject.path};
        if (subject.remote) {
            file.add_to(run.entries, Cache::none);
            run.notes.push_back(fmt::format(
                "{} is on a server: its loads are neither warm nor cold; the loopback socket says "
                "what this machine carries to itself",
                printable(subject.path)));
            continue;
        }
        if (options.warm)
            file.add_to(run.entries, Cache::warm);
        if (options.cold && can_be_cold(subject, run.notes))
            file.add_to(run.entries, Cache::cold);
    }
    append(run.entries, stage_ceilings());
    run.entries.push_back(loopback_ceiling());
    append(run.entries, device_ceilings(options.devices));
    run.subjects = std::move(subjects);
    run.rounds = run_rounds(run.entries, with_progress(options, console));
    console.clear();
    run.stopped = run.rounds < options.rounds.rounds && options.rounds.stop.stop_requested();
    if (run.stopped)
        run.notes.push_back(fmt::format(
            "stopped before all was measured: {} of {} rounds are complete",
            run.rounds,
            options.rounds.rounds));
    leave_out_disturbed(run.entries, run.host.cores);
    run.host.steal_seconds = machine_steal_seconds() - steal_before;
    if (run.host.load_average > run.host.cores)
        run.notes.push_back(fmt::format(
            "others keep this machine busy (load average {:.1f}): CPU s/GB says more than GB/s",
            run.host.load_average));
    run.notes.emplace_back(
        "memory was touched and freed just before each sample, for every loader alike");
    return run;
}

} // namespace tz::bench
