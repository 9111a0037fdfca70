// Puts a run together: which entries, for which files, and takes it.
#pragma once

#include <tz/engine/load.hpp>
#include <tz/tools/bench_load.hpp>
#include <tz/tools/bench_peer.hpp>
#include <tz/tools/bench_report.hpp>
#include <tz/tools/console.hpp>

#include <optional>
#include <string>
#include <vector>

namespace tz::bench {

struct RunOptions {
    bool warm = true;
    bool cold = true;
    std::vector<Mode> modes; ///< empty: those that suit each file
    std::vector<Peer> peers;
    std::vector<std::string> notes; ///< on them
    double peer_seconds_max = 0;    ///< for one sample of a peer; 0: no limit
    /// The shell's words for `tz-bench sample` and its engine options; the rest is appended.
    std::string sample_command;
    bool fio = true;                         ///< where it is installed
    std::optional<std::vector<int>> devices; ///< as device_ceilings() takes them
    /// Sources are measured for the first file alone and hold for the others, which have the same
    /// size.
    bool sources_once = false;
    RoundOptions rounds;
    bool quiet = false;
};

/// Measures loads of `subjects` (already inspected) against ceilings and peers. Progress goes to
/// `console` where that is a terminal. A stop ends it with the rounds that are complete. Throws
/// `tz::Error`: what a load of ours throws, errc::limit where memory doesn't suffice.
Run measure(
    Engine& engine,
    std::vector<Subject> subjects,
    const RunOptions& options,
    cli::Console& console);

} // namespace tz::bench
