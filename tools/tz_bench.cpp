// tz-bench: how fast loads are, beside what the machine can do.
#include <tz/engine/save.hpp>
#include <tz/format/error.hpp>
#include <tz/tools/bench_child.hpp>
#include <tz/tools/bench_random.hpp>
#include <tz/tools/bench_run.hpp>
#include <tz/tools/console.hpp>
#include <tz/tools/demo.hpp>
#include <tz/tools/exit.hpp>
#include <tz/tools/json.hpp>
#include <tz/tools/network_options.hpp>
#include <tz/tools/options.hpp>
#include <tz/tools/secrets.hpp>
#include <tz/tools/signals.hpp>
#include <tz/tools/units.hpp>
#include <tz/tools/uri_text.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>

namespace {

using namespace tz;
using namespace tz::bench;

struct LoadCommand {
    std::vector<std::string> files;
    cli::Options shared;
    unsigned runs = 7;
    unsigned warmup = 1;
    bool warm = false;
    bool cold = false;
    std::vector<std::string> modes;
    std::vector<std::string> peers;
    std::vector<std::string> warm_peers;
    std::vector<std::string> cold_peers;
    bool no_fio = false;
    bool sources_once = false;
    std::vector<const CLI::Option*> engine_options; ///< as they were given
};

struct SampleCommand {
    cli::Options shared;
    std::string mode = "plain";
};

struct MakeCommand {
    std::string file;
    std::string size = "2GB";
    std::string tensor_size = "mixed";
    std::string key_file;
    bool packed = false;
    bool force = false;
};

struct Program {
    LoadCommand load;
    SampleCommand sample;
    MakeCommand make;
    bool demo = false;
    bool json = false;
    bool quiet = false;
    std::string export_json;
    std::vector<std::string> arguments;
};

cli::Warn warn_on(cli::Console& console) {
    return [&console](const std::string& text) { console.line("tz-bench: warning: " + text); };
}

void report(Run run, const Program& program) {
    run.arguments = program.arguments;
    if (!program.export_json.empty()) {
        std::ofstream file(program.export_json);
        file << to_json(run).dump(2, ' ', false, cli::Json::error_handler_t::replace) << '\n';
        if (!file.flush())
            throw Error(errc::io, fmt::format("cannot write: {}", std::strerror(errno)))
                .in(program.export_json);
    }
    if (program.json)
        cli::write_json(to_json(run));
    else
        cli::write_result(table(run));
}

int run_demo(const Program& program) {
    const cli::StopOnSignal stop;
    cli::Console console;
    report(demo(console, program.quiet, stop.token()), program);
    return cli::exit_ok;
}

Subject subject_with(const cli::Options& shared, cli::Console& console) {
    Subject subject;
    subject.network = shared.network;
    subject.direct = shared.direct;
    subject.key_file = shared.key_file;
    subject.password_file = shared.password_file;
    if (!shared.key_file.empty())
        subject.key = cli::read_key_file(shared.key_file, warn_on(console));
    if (!shared.password_file.empty())
        subject.password = cli::read_password_file(shared.password_file, warn_on(console));
    return subject;
}

void add_peers(
    std::vector<Peer>& peers,
    const std::vector<std::string>& texts,
    std::optional<Cache> cache = {}) {
    for (const std::string& text : texts)
        peers.push_back(parse_peer(text, cache));
}

/// Options as words of the shell, each with a space before it.
std::string as_given(const std::vector<const CLI::Option*>& options) {
    std::string words;
    for (const CLI::Option* option : options)
        if (option->count() > 0)
            words += " " + option->get_name() + "=" + shell_word(option->results().back());
    return words;
}

int run_load(const Program& program) {
    const LoadCommand& command = program.load;
    const cli::StopOnSignal stop;
    cli::Console console;
    const Subject common = subject_with(command.shared, console);
    RunOptions options;
    options.warm = command.warm || !command.cold;
    options.cold = command.cold || !command.warm;
    for (const std::string& name : command.modes)
        options.modes.push_back(parse_mode(name));
    add_peers(options.peers, command.peers);
    add_peers(options.peers, command.warm_peers, Cache::warm);
    add_peers(options.peers, command.cold_peers, Cache::cold);
    options.sample_command = sample_command() + as_given(command.engine_options);
    options.fio = !command.no_fio;
    options.sources_once = command.sources_once;
    options.quiet = program.quiet;
    options.rounds.rounds = command.runs;
    options.rounds.warmup = command.warmup;
    options.rounds.stop = stop.token();

    Engine engine(command.shared.engine);
    std::vector<Subject> subjects;
    for (const std::string& file : command.files) {
        Subject subject = common;
        subject.uri = file;
        inspect(engine, subject);
        subjects.push_back(std::move(subject));
    }
    report(measure(engine, std::move(subjects), options, console), program);
    return cli::exit_ok;
}

int run_sample(const Program& program) {
    const SampleCommand& command = program.sample;
    const cli::StopOnSignal stop;
    cli::Console console;
    Subject subject = subject_with(command.shared, console);
    subject.uri = command.shared.file();
    subject.encrypted = subject.key || subject.password; // to look would warm the file
    Engine engine(command.shared.engine);
    const Mode mode = parse_mode(command.mode);
    // one line: a program's report is its last one
    cli::write_result(measured_load(engine, subject, mode, stop.token()).dump() + "\n");
    return cli::exit_ok;
}

int run_make(const Program& program) {
    const MakeCommand& command = program.make;
    cli::Console console;
    if (!command.force && std::filesystem::exists(command.file))
        throw Error(errc::usage, "the file exists", {}, "--force replaces it").in(command.file);
    const std::uint64_t each =
        command.tensor_size == "mixed" ? 0 : cli::parse_size(command.tensor_size);
    SaveOptions options;
    if (command.packed)
        options.alignment = 1;
    if (!command.key_file.empty())
        options.key = cli::read_key_file(command.key_file, warn_on(console));
    const RandomModel model = random_model(cli::parse_size(command.size), each);
    save(command.file, model.tensors, options);
    if (!program.quiet)
        console.line(fmt::format(
            "tz-bench: {}: {} in {} tensors",
            printable(command.file),
            cli::size_text(model.bytes),
            model.tensors.size()));
    return cli::exit_ok;
}

void add_result_options(CLI::App& app, Program& program) {
    cli::add_json_option(app, program.json);
    app.add_option("--export-json", program.export_json, "Write the JSON object to this file too")
        ->type_name("PATH");
    app.add_flag("-q,--quiet", program.quiet, "Say nothing but results and errors");
}

void add_secret_options(CLI::App& app, cli::Options& shared) {
    app.add_option(
           "--key-file",
           shared.key_file,
           "Decrypt files that have a key with this one: 32 bytes or 64 hex digits")
        ->type_name("PATH");
    app.add_option(
           "--password-file",
           shared.password_file,
           "Decrypt files that have a password; its derivation is timed too")
        ->type_name("PATH");
}

void add_peer_option(
    CLI::App& app, const std::string& name, std::vector<std::string>& to, const std::string& help) {
    app.add_option(name, to, help)->type_name("PEER")->allow_extra_args(false);
}

CLI::App* add_load(CLI::App& app, Program& program) {
    CLI::App* load = app.add_subcommand("load", "Time loads of files beside ceilings and peers");
    LoadCommand& command = program.load;
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
    load->add_flag("--no-fio", command.no_fio, "Don't run fio");
    load->add_flag(
        "--sources-once",
        command.sources_once,
        "Measure reads of the first file alone; the others have the same size");
    const std::size_t others = load->get_options().size();
    cli::add_engine_options(*load, command.shared);
    cli::add_network_options(*load, command.shared.network);
    const CLI::App& added = *load;
    command.engine_options = added.get_options();
    command.engine_options.erase(
        command.engine_options.begin(),
        command.engine_options.begin() + static_cast<std::ptrdiff_t>(others));
    add_result_options(*load, program);
    return load;
}

CLI::App* add_sample(CLI::App& app, Program& program) {
    CLI::App* sample = app.add_subcommand("sample", "Time one load: what load does in each round");
    SampleCommand& command = program.sample;
    cli::add_file(*sample, command.shared);
    sample->add_option("--mode", command.mode, "As in load --modes (plain)")->type_name("MODE");
    add_secret_options(*sample, command.shared);
    cli::add_engine_options(*sample, command.shared);
    cli::add_network_options(*sample, command.shared.network);
    return sample;
}

CLI::App* add_make(CLI::App& app, Program& program) {
    CLI::App* make = app.add_subcommand("make", "Write a file of random weights to measure with");
    MakeCommand& command = program.make;
    make->add_option("FILE", command.file, "The file to write")->required();
    make->add_option("--size", command.size, "Bytes of tensors; needs as much memory (2GB)")
        ->type_name("SIZE");
    make->add_option(
            "--tensor-size", command.tensor_size, "Of each tensor, or mixed: like a transformer")
        ->type_name("SIZE|mixed");
    make->add_option("--encrypt-key-file", command.key_file, "Encrypt with this key")
        ->type_name("PATH");
    make->add_flag("--packed", command.packed, "Data unaligned, as pip's tensorizer writes it");
    make->add_flag("--force", command.force, "Replace the file if it exists");
    make->add_flag("-q,--quiet", program.quiet, "Say nothing but errors");
    return make;
}

} // namespace

// what escapes is a wrong declaration of options
int main(int argc, char** argv) { // NOLINT(bugprone-exception-escape)
    Program program;
    for (const char* argument : std::span(argv, static_cast<std::size_t>(argc)).subspan(1))
        program.arguments.push_back(cli::without_secrets(argument));
    CLI::App app("How fast model weights load, beside what the machine can do", "tz-bench");
    app.add_flag("--demo", program.demo, "Make a model of 256 MiB, load it, print GB/s");
    add_result_options(app, program);
    const CLI::App* load = add_load(app, program);
    const CLI::App* sample = add_sample(app, program);
    const CLI::App* make = add_make(app, program);
    app.require_subcommand(0, 1);
    app.footer("Examples:\n"
               "  tz-bench --demo\n"
               "  tz-bench make model.tensors --size 2GB\n"
               "  tz-bench load model.tensors --runs 7 --export-json result.json");
    cli::complete(app);
    return cli::parse_and_run(app, argc, argv, [&]() -> int {
        if (load->parsed())
            return run_load(program);
        if (sample->parsed())
            return run_sample(program);
        if (make->parsed())
            return run_make(program);
        if (program.demo)
            return run_demo(program);
        throw Error(errc::usage, "nothing to do", {}, "try tz-bench --demo or tz-bench load FILE");
    });
}
