// tz-bench advise: which options to load a file with, found by a short search.
#include <tz/format/error.hpp>
#include <tz/tools/bench_advise.hpp>
#include <tz/tools/bench_report.hpp>
#include <tz/tools/bench_sweep.hpp>
#include <tz/tools/exit.hpp>
#include <tz/tools/network_options.hpp>
#include <tz/tools/signals.hpp>
#include <tz/tools/typed_options.hpp>
#include <tz/tools/units.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>

namespace tz::bench {

namespace {

struct AdviseCommand {
    TuningOptions tuning;
};

} // namespace

void add_tuning_options(CLI::App& app, TuningOptions& options) {
    cli::Options& shared = options.shared;
    app.add_option("FILE", shared.files, "A path, http://, https:// or s3://BUCKET/KEY")
        ->required()
        ->expected(1);
    app.add_option("--mode", options.mode, "As in load --modes (plain)")->type_name("MODE");
    CLI::Option* warm = app.add_flag("--warm", options.warm, "Loads from the page cache");
    app.add_flag("--cold", options.cold, "Loads from the disk (where the page cache allows that)")
        ->excludes(warm);
    add_part_options(app, shared, options.bytes_max);
    add_secret_options(app, shared);
    const std::size_t others = app.get_options().size();
    cli::add_size(
        app, "--memory-limit", shared.engine.memory_limit, "Most staging memory (256MiB)");
    cli::add_network_options(app, shared.network);
    const CLI::App& added = app;
    const auto all = added.get_options();
    options.passed_on.assign(all.begin() + static_cast<std::ptrdiff_t>(others), all.end());
}

void add_seconds_option(CLI::App& app, TuningOptions& options) {
    const auto parse = [&options](const std::string& text) {
        options.seconds = std::chrono::duration<double>(cli::parse_duration(text)).count();
    };
    cli::add_parsed(app, "--seconds", "TIME", "Longest for a search (20)", parse);
}

Tuning
begin_tuning(const TuningOptions& options, cli::Console& console, const std::stop_token& stop) {
    Tuning tuning;
    tuning.options.mode = parse_mode(options.mode);
    tuning.options.sample_command = sample_command() + as_given(options.passed_on);
    tuning.options.stop = stop;
    tuning.memory_limit = options.shared.engine.memory_limit;
    tuning.subject = subject_with(options.shared, console, stop);
    tuning.subject.uri = options.shared.file();
    // of a search only a part is loaded, that is chosen later
    tuning.subject.part = part_of(options.shared, options.bytes_max);
    Engine engine;
    inspect(engine, tuning.subject, stop);
    tuning.options.cache = cache_for(tuning.subject, options.warm, options.cold, tuning.notes);
    return tuning;
}

int run_advise(const TuningOptions& options, const Output& output) {
    const cli::StopOnSignal stop;
    ResultFile exported(output); // before, so that a path that can't be written fails at once
    cli::Console console;
    Tuning tuning = begin_tuning(options, console, stop.token());
    const bool progress = !output.quiet && console.terminal();
    const Advised advised = search(std::move(tuning), options.seconds, console, progress);
    write_result(output, exported, to_json(advised, output.arguments), to_text(advised));
    return advised.stopped ? cli::exit_cancelled : cli::exit_ok;
}

cli::Command add_advise(CLI::App& app, Output& output) {
    CLI::App* advise =
        app.add_subcommand("advise", "Find the options to load a file with, and say why");
    const auto state = std::make_shared<AdviseCommand>();
    add_tuning_options(*advise, state->tuning);
    add_seconds_option(*advise, state->tuning);
    add_result_options(*advise, output);
    return {advise, [state, &output] { return run_advise(state->tuning, output); }};
}

} // namespace tz::bench
