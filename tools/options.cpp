#include <tz/tools/console.hpp>
#include <tz/tools/device_text.hpp>
#include <tz/tools/exit.hpp>
#include <tz/tools/json.hpp>
#include <tz/tools/options.hpp>
#include <tz/tools/typed_options.hpp>
#include <tz/tools/units.hpp>
#include <tz/tools/uri_text.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace tz::cli {

namespace {

using Text = const std::string&;

// CLI11 prints "-c,--chunk-size" and, behind it, types, defaults and environment names.
class PlainHelp final : public CLI::Formatter {
public:
    PlainHelp() {
        column_width(34);
        label("Positionals", "Arguments");
        label("Subcommands", "Commands");
        label("SUBCOMMAND", "COMMAND");
    }

    std::string make_option_name(const CLI::Option* option, bool positional) const override {
        const std::string name = CLI::Formatter::make_option_name(option, positional);
        const auto comma = name.find(',');
        if (comma == std::string::npos)
            return positional || name[1] != '-' ? name : "    " + name;
        return name.substr(0, comma) + ", " + name.substr(comma + 1);
    }

    std::string make_option_opts(const CLI::Option* option) const override {
        return option->get_type_size() == 0 || option->get_positional()
                   ? ""
                   : " " + option->get_type_name();
    }
};

template <typename T>
void add_choice(
    CLI::App& app,
    Text name,
    T& to,
    const std::vector<std::pair<std::string, T>>& choices,
    Text help) {
    std::string names;
    for (const auto& choice : choices)
        names += (names.empty() ? "" : "|") + choice.first;
    add_parsed(app, name, names, help, [&to, names, choices](Text text) {
        const auto choice = std::find_if(
            choices.begin(), choices.end(), [&](const auto& one) { return one.first == text; });
        if (choice == choices.end())
            throw Error(errc::usage, fmt::format("'{}' is none of {}", printable(text), names));
        to = choice->second;
    });
}

std::string environment_name(std::string name) {
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) {
        return c == '-' ? '_' : static_cast<char>(std::toupper(c));
    });
    return "TZ_" + name;
}

void complete_one(CLI::App& app) {
    app.formatter(std::make_shared<PlainHelp>());
    app.set_help_flag("-h,--help", "Print this help and exit");
    for (CLI::Option* option : app.get_options()) {
        if (option->get_positional() || option->get_lnames().empty())
            continue;
        const std::string name = option->get_lnames().front();
        if (name != "help" && name != "version")
            option->envname(environment_name(name));
    }
}

void complete_commands(CLI::App& app) {
    for (CLI::App* command : app.get_subcommands({})) {
        complete_one(*command);
        // without one, CLI11 reads the environment for commands that were not given too
        command->parse_complete_callback([] {});
        complete_commands(*command);
    }
}

// "tz load" for what was typed of a command line that did not parse.
std::string command_name(const CLI::App& app) {
    std::string name = app.get_name();
    for (const CLI::App* sub : app.get_subcommands())
        name += " " + command_name(*sub);
    return name;
}

// CLI11 quotes arguments as they came.
int report_usage(
    const CLI::App& app, const CLI::ParseError& error, std::span<char* const> arguments) {
    const std::string what = without_secrets(error.what(), arguments);
    Console().line(
        fmt::format("{}: {}; see '{} --help'", app.get_name(), printable(what), command_name(app)));
    return exit_usage;
}

} // namespace

std::optional<LogLevel> Options::log_from() const {
    if (quiet)
        return {};
    if (verbose > 0)
        return verbose > 1 ? LogLevel::debug : LogLevel::info;
    return log_level;
}

ShowProgress Options::shown_progress() const {
    return quiet ? ShowProgress::off : progress;
}

void add_file(CLI::App& app, Options& options) {
    app.add_option(
           "FILE",
           options.files,
           "A path, URL, folder, shard list, m-%03d.tensors or hf://ORG/NAME")
        ->required()
        ->expected(1);
}

void add_files(CLI::App& app, Options& options) {
    app.add_option(
           "FILE",
           options.files,
           "Paths, URLs, folders, shard lists, m-%03d.tensors, hf://ORG/NAME")
        ->required()
        ->type_name("...");
}

void add_selection_options(CLI::App& app, Options& options) {
    Selection& selection = options.load.selection;
    app.add_option("--include", selection.include, "Only names that match; repeatable")
        ->type_name("GLOB")
        ->allow_extra_args(false);
    app.add_option("--exclude", selection.exclude, "No names that match; repeatable")
        ->type_name("GLOB")
        ->allow_extra_args(false);
}

void add_trace_option(CLI::App& app, Options& options) {
    app.add_option(
           "--trace", options.trace_file, "Write a timeline of all lanes, for ui.perfetto.dev")
        ->type_name("PATH")
        ->take_last();
}

void add_engine_options(CLI::App& app, Options& options) {
    EngineOptions& engine = options.engine;
    add_choice<Io>(
        app,
        "--io",
        engine.io,
        {{"auto", Io::automatic}, {"uring", Io::uring}, {"threads", Io::threads}},
        "How to read: by io_uring, or by threads");
    add_choice<Direct>(
        app,
        "--direct",
        options.direct,
        {{"auto", Direct::automatic}, {"on", Direct::on}, {"off", Direct::off}},
        "Whether reads bypass the page cache (auto: what is not cached)");
    add_number(app, "--concurrency", engine.concurrency, "Chunks in flight at once (0: auto)");
    add_size(app, "--chunk-size", engine.chunk_bytes, "Bytes read at once, e.g. 4MiB (0: auto)");
    add_size(app, "--memory-limit", engine.memory_limit, "Most staging memory (256MiB)");
    add_number(app, "--workers", engine.workers, "Threads that check and decrypt (0: all cores)");
    add_number(app, "--loops", engine.loops, "Threads that submit reads (0: auto)");
}

void add_deadline_option(CLI::App& app, Options& options) {
    const auto parse = [&options](Text text) { options.load.deadline = parse_duration(text); };
    add_parsed(app, "--deadline", "TIME", "Give up after this long, e.g. 30s or 500ms", parse);
}

void add_load_options(CLI::App& app, Options& options) {
    add_choice<std::optional<Verify>>(
        app,
        "--verify",
        options.verify,
        {{"auto", Verify::automatic},
         {"none", Verify::none},
         {"crc32", Verify::crc32},
         {"sha256", Verify::sha256},
         {"all", Verify::all}},
        "Which stored hashes to check");
    add_key_options(app, options);
    add_deadline_option(app, options);
}

void add_key_options(CLI::App& app, Options& options) {
    CLI::Option* key = app.add_option(
        "--key-file", options.key_file, "Decrypt with this key: 32 bytes or 64 hex digits");
    CLI::Option* password = app.add_option(
        "--password-file", options.password_file, "Decrypt with the password in this file");
    key->type_name("PATH")->take_last()->excludes(password);
    password->type_name("PATH")->take_last();
}

void add_requirement_options(CLI::App& app, Options& options) {
    add_text(
        app,
        "--require",
        "WHAT",
        options.require,
        "Demand a manifest: none, key, pubkey:FILE or root:HEX");
    app.add_option("--subject", options.subject, "Demand a manifest of this model or revision")
        ->type_name("TEXT")
        ->take_last();
}

void add_memory_option(CLI::App& app, Options& options) {
    add_choice<Memory>(
        app,
        "--memory",
        options.load.memory,
        {{"owned", Memory::owned}, {"mapped", Memory::mapped}, {"none", Memory::none}},
        "Where to: memory, the file's own pages, nowhere");
}

void add_device_option(CLI::App& app, Options& options) {
    const auto parse = [&options](Text text) { options.devices = parse_devices(text); };
    add_parsed(
        app,
        "--device",
        "DEVICE",
        "Where to: cpu, a GPU as cuda:0, or several: cuda:0,cuda:1",
        parse);
    add_choice<DecryptOn>(
        app,
        "--decrypt-on",
        options.decrypt_on,
        {{"auto", DecryptOn::automatic}, {"cpu", DecryptOn::cpu}, {"gpu", DecryptOn::gpu}},
        "Who decrypts what goes to a GPU");
}

void add_message_options(CLI::App& app, Options& options) {
    add_choice<ShowProgress>(
        app,
        "--progress",
        options.progress,
        {{"auto", ShowProgress::automatic}, {"on", ShowProgress::on}, {"off", ShowProgress::off}},
        "Show progress: a bar on a terminal, else lines");
    app.add_flag("-v,--verbose", options.verbose, "Say what is done; twice: in detail");
    app.add_flag("-q,--quiet", options.quiet, "Say nothing but errors");
    add_choice<std::optional<LogLevel>>(
        app,
        "--log-level",
        options.log_level,
        {{"debug", LogLevel::debug},
         {"info", LogLevel::info},
         {"warning", LogLevel::warning},
         {"off", std::nullopt}},
        "The least level of messages to write to stderr");
}

void add_json_option(CLI::App& app, bool& json) {
    app.add_flag("--json", json, "Write the result as one JSON object");
}

void complete(CLI::App& app) {
    app.set_version_flag(
        "--version", fmt::format("{} {}", app.get_name(), version()), "Print the version and exit");
    complete_one(app);
    complete_commands(app);
}

int parse_and_run(CLI::App& app, int argc, char** argv, const std::function<int()>& run) {
    // a closed pipe is an error of write(), not the end of a load, and so is a file that grows too
    // large
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    try {
        try {
            app.parse(argc, argv);
        } catch (const CLI::CallForHelp&) {
            write_result(app.help());
            return exit_ok;
        } catch (const CLI::CallForVersion& version) {
            write_result(std::string(version.what()) + "\n");
            return exit_ok;
        } catch (const CLI::ParseError& error) {
            return report_usage(app, error, {argv, static_cast<std::size_t>(argc)});
        }
        return run();
    } catch (const std::exception& error) {
        return report_failure(app.get_name(), error);
    }
}

} // namespace tz::cli
