#include <tz/format/error.hpp>
#include <tz/tools/device_text.hpp>
#include <tz/tools/options.hpp>
#include <tz/tools/typed_options.hpp>
#include <tz/tools/units.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace tz::cli {

namespace {

using Text = const std::string&;

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

void add_metrics_option(CLI::App& app, Options& options) {
    add_text(
        app,
        "--metrics-file",
        "PATH",
        options.metrics_file,
        "Write figures of the run for Prometheus, if it fails too");
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
    format::DerivationLimits& cost = options.load.derivation_max;
    add_number(app, "--kdf-max-passes", cost.passes, "Most passes for a password's key (16)");
    add_size(app, "--kdf-max-memory", cost.memory_bytes, "Most memory for a password's key (2GiB)");
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

} // namespace tz::cli
