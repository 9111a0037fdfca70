// tz-bench load: loads of files beside ceilings and other loaders.
#include <tz/engine/new_file.hpp>
#include <tz/tools/bench_command.hpp>
#include <tz/tools/bench_page.hpp>
#include <tz/tools/bench_peer_options.hpp>
#include <tz/tools/bench_run.hpp>
#include <tz/tools/bench_timeline.hpp>
#include <tz/tools/bench_trace.hpp>
#include <tz/tools/device_text.hpp>
#include <tz/tools/exit.hpp>
#include <tz/tools/signals.hpp>
#include <tz/tools/typed_options.hpp>

#include <CLI/CLI.hpp>

#include <memory>
#include <optional>

namespace tz::bench {

namespace {

struct LoadCommand {
    std::vector<std::string> files;
    cli::Options shared;
    unsigned runs = 7;
    unsigned warmup = 1;
    bool warm = false;
    bool cold = false;
    std::vector<std::string> modes;
    std::vector<std::string> peers; ///< as commands
    std::vector<std::string> warm_peers;
    std::vector<std::string> cold_peers;
    PeerOptions adapters;
    bool no_fio = false;
    std::optional<std::vector<int>> devices;
    bool sources_once = false;
    std::string html;
    std::vector<const CLI::Option*> engine_options; ///< as they were given
};

void add_peers(
    std::vector<Peer>& peers,
    const std::vector<std::string>& texts,
    std::optional<Cache> cache = {}) {
    for (const std::string& text : texts)
        peers.push_back(parse_peer(text, cache));
}

/// After the measured rounds, which a trace would disturb; of a run that was stopped without one.
void write_page_of(const Run& run, Engine& engine, const RunOptions& options, NewFile& file) {
    if (run.stopped)
        return write_page(file, to_json(run), cli::Json());
    const cli::Json trace =
        traced_load(engine, run.subjects.front(), options.cold, options.rounds.stop);
    write_page(file, to_json(run), timeline(trace));
}

int run(LoadCommand& command, const Output& output) {
    const cli::StopOnSignal stop;
    std::optional<NewFile> html; // made before, so that a path that can't be written fails at once
    if (!command.html.empty())
        html.emplace(command.html, Existing::replaced);
    ResultFile exported(output);
    cli::Console console;
    const Subject common = subject_with(command.shared, console, stop.token());
    RunOptions options;
    options.warm = command.warm || !command.cold;
    options.cold = command.cold || !command.warm;
    for (const std::string& name : command.modes)
        options.modes.push_back(parse_mode(name));
    add_peers(options.peers, command.peers);
    add_peers(options.peers, command.warm_peers, Cache::warm);
    add_peers(options.peers, command.cold_peers, Cache::cold);
    options.peer_seconds_max = seconds_max(command.adapters);
    options.sample_command = sample_command() + as_given(command.engine_options);
    options.fio = !command.no_fio;
    options.devices = command.devices;
    options.sources_once = command.sources_once;
    options.quiet = output.quiet;
    options.rounds.rounds = command.runs;
    options.rounds.warmup = command.warmup;
    options.rounds.stop = stop.token();

    Engine engine(command.shared.engine);
    std::vector<Subject> subjects;
    for (const std::string& file : command.files) {
        Subject subject = common;
        subject.uri = file;
        inspect(engine, subject, stop.token());
        subjects.push_back(std::move(subject));
    }
    if (!command.adapters.names.empty())
        join_peers(
            command.adapters, ask_for_adapters(command.adapters, stop.token()), subjects, options);
    Run run = measure(engine, std::move(subjects), options, console);
    run.arguments = output.arguments;
    report(run, output, exported);
    if (html)
        write_page_of(run, engine, options, *html);
    return run.stopped ? cli::exit_cancelled : cli::exit_ok;
}

void add_peer_option(
    CLI::App& app, const std::string& name, std::vector<std::string>& to, const std::string& help) {
    app.add_option(name, to, help)->type_name("PEER")->allow_extra_args(false);
}

} // namespace

cli::Command add_load(CLI::App& app, Output& output) {
    CLI::App* load = app.add_subcommand("load", "Time loads of files beside ceilings and peers");
    const auto state = std::make_shared<LoadCommand>();
    LoadCommand& command = *state;
    load->add_option("FILE", command.files, "The files to load: paths or URLs")->required();
    add_secret_options(*load, command.shared);
    load->add_option("--runs", command.runs, "Rounds; each takes one sample of everything (7)")
        ->type_name("N")
        ->check(CLI::Range(1, 1000).description(""));
    load->add_option("--warmup", command.warmup, "Rounds before, which don't count (1)")
        ->type_name("N")
        ->check(CLI::Range(0, 100).description(""));
    load->add_flag("--warm", command.warm, "Only loads from the page cache");
    load->add_flag("--cold", command.cold, "Only loads from the disk");
    load->add_option(
            "--modes",
            command.modes,
            "Of plain, crc32, sha256, all, auto, mapped, drop (what suits)")
        ->type_name("LIST")
        ->delimiter(',')
        ->allow_extra_args(false);
    add_peer_option(
        *load,
        "--peer",
        command.peers,
        "NAME=COMMAND {file}, a loader to compare with; may be repeated (see bench/README.md)");
    add_peer_option(*load, "--warm-peer", command.warm_peers, "Likewise, for warm loads alone");
    add_peer_option(*load, "--cold-peer", command.cold_peers, "Likewise, for cold loads alone");
    add_peer_options(*load, command.adapters);
    load->add_flag("--no-fio", command.no_fio, "Don't run fio");
    cli::add_parsed(
        *load,
        "--device",
        "DEVICE",
        "GPUs that copies of pinned memory are measured to (the first, if there is one); cpu: none",
        [&command](const std::string& text) { command.devices = cli::parse_devices(text); });
    load->add_flag(
        "--sources-once",
        command.sources_once,
        "Measure reads of the first file alone; the others have the same size");
    command.engine_options = add_machine_options(*load, command.shared);
    add_result_options(*load, output);
    load->add_option("--html", command.html, "Write a page for browsers; takes one load more")
        ->type_name("PATH");
    return {load, [state, &output] { return run(*state, output); }};
}

} // namespace tz::bench
