// tz-bench compare: tensorizer's own benchmark, loads of a model shaped like OPT-30B, on this
// machine.
#include <tz/engine/machine.hpp>
#include <tz/format/error.hpp>
#include <tz/tools/bench_child.hpp>
#include <tz/tools/bench_command.hpp>
#include <tz/tools/bench_comparison.hpp>
#include <tz/tools/bench_peer_options.hpp>
#include <tz/tools/exit.hpp>
#include <tz/tools/signals.hpp>
#include <tz/tools/temporary_folder.hpp>
#include <tz/tools/units.hpp>
#include <tz/tools/uri_text.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>

namespace tz::bench {

namespace {

struct CompareCommand {
    std::string scale = "auto";
    std::string folder;
    unsigned runs = 5;
    unsigned warmup = 1;
    bool warm = false;
    bool cold = false;
    bool keep = false;
    PeerOptions peers{
        .names =
            {"tensorizer",
             "tensorizer-verified",
             "safetensors-mmap",
             "safetensors-clone",
             "transformers"},
        .script = {}};
};

/// With each loader and each way of reading, in all rounds.
std::size_t loads_of(const CompareCommand& command, const std::vector<Adapter>& adapters) {
    constexpr std::size_t modes = 3; // plain, and with each of the hashes that tensorizer writes
    constexpr std::size_t warm_reads = 4;
    constexpr std::size_t cold_reads = 2;
    std::vector<std::string> notes; // are join_peers()'s to give
    const std::size_t peers = choose_adapters(adapters, command.peers.names, notes).size();
    std::size_t round = 0;
    if (command.warm || !command.cold)
        round += peers + modes + warm_reads;
    if (command.cold || !command.warm)
        round += peers + modes + cold_reads;
    return round * (command.warmup + command.runs);
}

/// What peers.py would make: see `plan` in bench/peers/opt.py.
cli::Json ask_for_plan(
    const CompareCommand& command,
    std::size_t loads,
    const std::string& folder,
    const std::stop_token& stop) {
    return cli::Json::parse(run_script(
        command.peers.script,
        fmt::format(
            "plan-opt {} --scale {} --loads {} --memory {}",
            shell_word(folder),
            shell_word(command.scale),
            loads,
            memory_available()),
        stop));
}

std::string plan_text(const cli::Json& plan, std::size_t loads, const std::string& folder) {
    const std::string bound = plan.at("bound");
    std::string why = "all of it";
    if (bound == "asked")
        why = "as asked";
    else if (bound != "whole")
        why = fmt::format("what {} allows", bound);
    return fmt::format(
        "tz-bench: a model of {}, OPT-30B scaled by {:.4g} ({}), and what others read of it: {} in "
        "{}\n"
        "tz-bench: {} loads, which take {:.0f} min where a disk gives 0.5 GB/s",
        cli::size_text(plan.at("bytes").get<std::uint64_t>()),
        plan.at("scale").get<double>(),
        why,
        cli::size_text(plan.at("disk_bytes").get<std::uint64_t>()),
        printable(folder),
        loads,
        plan.at("seconds").get<double>() / 60);
}

/// The model as .tensors where tensorizer can write that, else as safetensors. `model` is the plan;
/// it becomes what peers.py says of what it made.
std::string make_model(
    const PeersScript& script,
    const std::vector<Adapter>& adapters,
    const std::string& folder,
    cli::Json& model,
    const std::stop_token& stop) {
    const double scale = model.at("scale");
    model = cli::Json::parse(
        run_script(script, fmt::format("make-opt {} --scale {}", shell_word(folder), scale), stop));
    std::string safetensors = folder + "/model.safetensors";
    const auto tensorizer = std::ranges::find(adapters, "tensorizer", &Adapter::name);
    if (tensorizer == adapters.end() || !tensorizer->why_not.empty())
        return safetensors;
    std::string tensors = folder + "/model.tensors";
    run_script(
        script, fmt::format("convert {} {}", shell_word(safetensors), shell_word(tensors)), stop);
    std::filesystem::remove(safetensors); // made again of the other, where peers look for it
    return tensors;
}

std::string text_of(const Run& run, const cli::Json& model) {
    std::string text = fmt::format(
        "{}OPT-30B, scaled by {:.4g}: {} layers, hidden size {}, float16\n",
        host_line(run.host),
        model.at("scale").get<double>(),
        model.at("layers").get<unsigned>(),
        model.at("hidden").get<unsigned>());
    text += comparison(run) + "\n";
    for (const std::string& note : notes_of(run, summarize(run.entries, run.host.cores)))
        text += "note: " + note + "\n";
    return text;
}

RunOptions run_options(const CompareCommand& command, bool quiet, const std::stop_token& stop) {
    RunOptions options;
    options.warm = command.warm || !command.cold;
    options.cold = command.cold || !command.warm;
    options.sample_command = sample_command();
    options.fio = false;
    options.quiet = quiet;
    options.peer_seconds_max = seconds_max(command.peers);
    options.rounds.rounds = command.runs;
    options.rounds.warmup = command.warmup;
    options.rounds.stop = stop;
    return options;
}

int run(CompareCommand& command, const Output& output) {
    const cli::StopOnSignal stop;
    ResultFile exported(output); // before, so that a path that can't be written fails at once
    cli::Console console;
    RunOptions options = run_options(command, output.quiet, stop.token());
    const std::vector<Adapter> adapters = ask_for_adapters(command.peers, stop.token());
    TemporaryFolder folder(command.folder);
    const std::size_t loads = loads_of(command, adapters);
    cli::Json model = ask_for_plan(command, loads, folder.path(), stop.token());
    if (!output.quiet)
        console.line(plan_text(model, loads, folder.path()));
    Subject subject;
    subject.uri = make_model(command.peers.script, adapters, folder.path(), model, stop.token());
    Engine engine;
    inspect(engine, subject, stop.token());
    std::vector<Subject> subjects{std::move(subject)};
    join_peers(command.peers, adapters, subjects, options);
    Run run = measure(engine, std::move(subjects), options, console);
    run.arguments = output.arguments;
    if (command.keep) {
        folder.keep();
        run.notes.push_back(fmt::format("the model is in {}", printable(folder.path())));
    }
    cli::Json json = to_json(run);
    json["model"] = model;
    write_result(output, exported, json, text_of(run, model));
    return run.stopped ? cli::exit_cancelled : cli::exit_ok;
}

} // namespace

cli::Command add_compare(CLI::App& app, Output& output) {
    CLI::App* compare =
        app.add_subcommand("compare", "Load a model shaped like OPT-30B with others and with us");
    const auto state = std::make_shared<CompareCommand>();
    CompareCommand& command = *state;
    compare
        ->add_option(
            "--scale",
            command.scale,
            "Bytes of the model, of OPT-30B's 60 GB; auto: what memory, disk and an hour allow")
        ->type_name("S|auto");
    compare->add_option("--runs", command.runs, "Rounds; each takes one sample of everything (5)")
        ->type_name("N")
        ->check(CLI::Range(1, 1000).description(""));
    compare->add_option("--warmup", command.warmup, "Rounds before, which don't count (1)")
        ->type_name("N")
        ->check(CLI::Range(0, 100).description(""));
    compare->add_flag("--warm", command.warm, "Only loads from the page cache");
    compare->add_flag("--cold", command.cold, "Only loads from the disk");
    compare->add_option("--folder", command.folder, "Where the model is made (TMPDIR or /var/tmp)")
        ->type_name("PATH");
    compare->add_flag("--keep", command.keep, "Don't remove the model afterwards");
    add_peer_options(*compare, command.peers);
    add_result_options(*compare, output);
    return {compare, [state, &output] { return run(*state, output); }};
}

} // namespace tz::bench
