#include <tz/format/error.hpp>
#include <tz/tools/bench_cache.hpp>
#include <tz/tools/bench_cells.hpp>
#include <tz/tools/bench_child.hpp>
#include <tz/tools/bench_program.hpp>
#include <tz/tools/bench_stop.hpp>

#include <fmt/format.h>

#include <utility>

namespace tz::bench {

namespace {

// Above this share in the page cache a load is not cold.
constexpr double cold_share_max = 0.01;
constexpr const char* program_prefix = "tz-bench: ";

/// What the sample's process said of itself, without how it ended.
std::string reason_of(const Error& error) {
    const std::string what = error.what();
    const std::size_t at = what.find(program_prefix);
    return at == std::string::npos ? what : what.substr(at + std::string(program_prefix).size());
}

} // namespace

CellRunner::CellRunner(Subject subject, CellOptions options)
    : subject_(std::move(subject)),
      options_(std::move(options)) {}

void CellRunner::take(Cell& cell, unsigned round) {
    check_stop(options_.stop);
    try {
        const double cached = prepare();
        const std::string command = command_for(cell.setting);
        const Entry entry =
            load_entry(command, subject_, options_.mode, options_.cache, options_.stop);
        Sample sample = entry.run();
        sample.round = round;
        sample.cached = cached;
        if (!contents_crc32_)
            contents_crc32_ = sample.crc32;
        if (sample.crc32 && sample.crc32 != contents_crc32_)
            throw Error(errc::integrity, "its tensors hold other bytes than those of other cells");
        cell.samples.push_back(sample);
    } catch (const Error& error) {
        if (error.kind() == errc::cancelled)
            throw;
        cell.failure = reason_of(error);
    }
}

double CellRunner::prepare() {
    if (options_.cache == Cache::none)
        return 0;
    if (options_.cache == Cache::cold)
        make_cold(subject_.path);
    const bool all_cached = subject_.part.all() && cached_share(subject_.path) == 1;
    if (options_.cache == Cache::warm && !all_cached && (subject_.part.all() || !warmed_)) {
        // in a process that a stop can end
        const std::string command = sample_command() + " 2>&1 --direct=off";
        load_entry(command, subject_, parse_mode("drop"), Cache::warm, options_.stop).run();
        warmed_ = true;
    }
    return cached_share(subject_.path);
}

std::string CellRunner::command_for(const Setting& setting) const {
    // the last line of its stderr says why it failed
    std::string command = options_.sample_command + " 2>&1";
    if (setting.concurrency > 0)
        command += fmt::format(" --concurrency={}", setting.concurrency);
    if (setting.chunk_bytes > 0)
        command += fmt::format(" --chunk-size={}", setting.chunk_bytes);
    if (setting.workers > 0)
        command += fmt::format(" --workers={}", setting.workers);
    command += fmt::format(" --direct={} --io={}", setting.direct, setting.io);
    if (options_.mode.memory == Memory::owned)
        command += fmt::format(" --touch={}", subject_.tensor_bytes);
    return command;
}

Cache cache_for(const Subject& subject, bool warm, bool cold, std::vector<std::string>& notes) {
    if (subject.remote)
        return Cache::none;
    if (warm && !cold)
        return Cache::warm;
    make_cold(subject.path);
    const double share = cached_share(subject.path);
    if (share <= cold_share_max)
        return Cache::cold;
    notes.push_back(fmt::format(
        "no cold loads of {}: {:.0f} % of it stay in memory ({})",
        printable(subject.path),
        share * 100,
        subject.filesystem));
    return Cache::warm;
}

} // namespace tz::bench
