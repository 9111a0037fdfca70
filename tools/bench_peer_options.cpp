#include <tz/format/error.hpp>
#include <tz/tools/bench_peer_options.hpp>
#include <tz/tools/bench_script.hpp>
#include <tz/tools/units.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace tz::bench {

void add_peer_options(CLI::App& app, PeerOptions& options) {
    app.add_option(
           "--peers",
           options.names,
           "Adapters of peers.py to compare with, or all that can be imported")
        ->type_name("all|LIST")
        ->delimiter(',')
        ->allow_extra_args(false);
    app.add_option("--python", options.script.python, "The Python that has the peers (python3)")
        ->type_name("PATH")
        ->take_last();
    app.add_option("--peers-script", options.script.path, "Another peers.py")
        ->type_name("PATH")
        ->take_last();
    app.add_option(
           "--peer-folder",
           options.script.folder,
           "Where files are put that peers need (FILE.peers)")
        ->type_name("PATH")
        ->take_last();
    app.add_option(
           "--peer-timeout", options.timeout, "End a peer that takes longer for one sample (10m)")
        ->type_name("TIME")
        ->take_last();
}

double seconds_max(const PeerOptions& options) {
    return std::chrono::duration<double>(cli::parse_duration(options.timeout)).count();
}

std::vector<Adapter> ask_for_adapters(PeerOptions& options, const std::stop_token& stop) {
    options.script.path = script_path(options.script.path, "peers.py", "--peers-script");
    return parse_adapters(run_script(options.script, "list --json", stop));
}

void join_peers(
    const PeerOptions& options,
    const std::vector<Adapter>& adapters,
    const std::vector<Subject>& subjects,
    RunOptions& run) {
    const std::vector<Adapter> chosen = choose_adapters(adapters, options.names, run.notes);
    for (const Subject& subject : subjects) {
        if (subject.remote)
            continue; // peers read files of this machine
        for (Peer& peer :
             adapter_peers(options.script, chosen, subject, run.notes, run.rounds.stop))
            run.peers.push_back(std::move(peer));
    }
    const bool all = options.names == std::vector<std::string>{"all"};
    for (const Adapter& adapter : chosen)
        if (!all && std::ranges::none_of(
                        run.peers, [&](const Peer& peer) { return peer.name == adapter.name; }))
            run.notes.push_back(fmt::format(
                "not compared with {}: no file is {}",
                printable(adapter.name),
                adapter.secret.empty() ? "unencrypted"
                                       : "encrypted with a " + printable(adapter.secret)));
}

} // namespace tz::bench
