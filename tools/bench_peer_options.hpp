// The options that say which other loaders join a run, and how they are run.
#pragma once

#include <tz/tools/bench_adapters.hpp>
#include <tz/tools/bench_run.hpp>

#include <stop_token>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace tz::bench {

struct PeerOptions {
    std::vector<std::string> names; ///< of adapters, or "all"; empty: none
    PeersScript script;
    std::string timeout = "10m"; ///< for one sample of a peer
};

/// --peers, --python, --peers-script, --peer-folder, --peer-timeout.
void add_peer_options(CLI::App& app, PeerOptions& options);

/// Of --peer-timeout. Throws `tz::Error` (errc::usage).
double seconds_max(const PeerOptions& options);

/// Finds the script and asks it for its adapters. Throws `tz::Error`.
std::vector<Adapter> ask_for_adapters(PeerOptions& options, const std::stop_token& stop);

/// Adds those that the options name as peers to a run of `subjects`, already inspected.
void join_peers(
    const PeerOptions& options,
    const std::vector<Adapter>& adapters,
    const std::vector<Subject>& subjects,
    RunOptions& run);

} // namespace tz::bench
