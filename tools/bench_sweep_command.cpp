// tz-bench sweep: loads with many combinations of options, and which of them to use.
#include <tz/engine/geometry.hpp>
#include <tz/engine/machine.hpp>
#include <tz/engine/new_file.hpp>
#include <tz/format/error.hpp>
#include <tz/tools/bench_advise.hpp>
#include <tz/tools/bench_command.hpp>
#include <tz/tools/bench_page.hpp>
#include <tz/tools/bench_sweep.hpp>
#include <tz/tools/exit.hpp>
#include <tz/tools/signals.hpp>
#include <tz/tools/typed_options.hpp>
#include <tz/tools/units.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <unistd.h>

namespace tz::bench {

namespace {

constexpr unsigned workers_max = 1024;

struct SweepCommand {
    TuningOptions tuning;
    Grid grid;
    unsigned runs = 5;
    bool advise = false;
    std::string html;
};

/// What a load delivers has to fit; the page cache holds the file.
void check_memory(const Subject& subject, const Mode& mode) {
    if (mode.memory == Memory::owned && subject.tensor_bytes > memory_available())
        throw Error(
            errc::limit,
            fmt::format(
                "{} of tensors don't fit the memory that is free",
                cli::size_text(subject.tensor_bytes)),
            {},
            "give --include or --max-bytes, to load a part")
            .in(subject.path);
}

void write_sweep(const Sweep& sweep, const Output& output, ResultFile& exported) {
    const bool colour = wants_colour(
        ::isatty(STDOUT_FILENO) == 1,
        std::getenv("NO_COLOR"),
        std::getenv("CLICOLOR_FORCE"),
        std::getenv("TERM"));
    write_result(output, exported, to_json(sweep), sweep_table(sweep, colour));
}

int run(SweepCommand& command, const Output& output) {
    if (command.advise)
        return run_advise(command.tuning, output);
    std::optional<NewFile> html; // made before, so that a path that can't be written fails at once
    if (!command.html.empty())
        html.emplace(command.html, Existing::replaced);
    ResultFile exported(output);
    const cli::StopOnSignal stop;
    cli::Console console;
    Tuning tuning = begin_tuning(command.tuning, console, stop.token());
    check_memory(tuning.subject, tuning.options.mode);
    Sweep sweep;
    sweep.host = this_host();
    sweep.arguments = output.arguments;
    sweep.subject = tuning.subject;
    sweep.cache = tuning.options.cache;
    sweep.mode = tuning.options.mode.name;
    sweep.grid = command.grid;
    sweep.memory_limit = tuning.memory_limit;
    sweep.cells = cells_of(command.grid, tuning.memory_limit);
    sweep.rounds = command.runs;
    sweep.notes = tuning.notes;
    CellRunner runner(std::move(tuning.subject), std::move(tuning.options));
    run_sweep(sweep, runner, console, !output.quiet && console.terminal());
    write_sweep(sweep, output, exported);
    if (html)
        write_page(*html, to_json(sweep), cli::Json());
    return sweep.stopped ? cli::exit_cancelled : cli::exit_ok;
}

void add_grid_options(CLI::App& app, Grid& grid) {
    cli::add_parsed(
        app,
        "--concurrency",
        "LIST",
        "Chunks in flight, as 1,4,16 or 1..64 in doublings (1,4,16,64)",
        [&](const std::string& text) { grid.concurrency = parse_counts(text, 1, lanes_max); });
    cli::add_parsed(
        app,
        "--chunk-size",
        "LIST",
        "Bytes read at once, as 256KiB..64MiB (1MiB,4MiB,16MiB)",
        [&](const std::string& text) {
            grid.chunk_bytes = parse_sizes(text, chunk_bytes_min, chunk_bytes_max);
        });
    cli::add_parsed(
        app,
        "--workers",
        "LIST",
        "Threads that check and decrypt (0: all cores)",
        [&](const std::string& text) { grid.workers = parse_counts(text, 0, workers_max); });
    cli::add_parsed(
        app, "--direct", "LIST", "Of auto, on, off (auto)", [&](const std::string& text) {
            grid.direct = parse_words(text, {"auto", "on", "off"});
        });
    cli::add_parsed(
        app, "--io", "LIST", "Of auto, uring, threads (auto)", [&](const std::string& text) {
            grid.io = parse_words(text, {"auto", "uring", "threads"});
        });
}

} // namespace

cli::Command add_sweep(CLI::App& app, Output& output) {
    CLI::App* sweep =
        app.add_subcommand("sweep", "Time loads by concurrency, chunk size and more; advise");
    const auto state = std::make_shared<SweepCommand>();
    SweepCommand& command = *state;
    add_grid_options(*sweep, command.grid);
    add_tuning_options(*sweep, command.tuning);
    sweep->add_option("--runs", command.runs, "Rounds; each takes one sample of every cell (5)")
        ->type_name("N")
        ->check(CLI::Range(1, 1000).description(""));
    CLI::Option* advise =
        sweep->add_flag("--advise", command.advise, "Search instead of trying all, as advise does");
    sweep->add_option("--html", command.html, "Write a page for browsers, with a map of the rates")
        ->type_name("PATH")
        ->excludes(advise);
    add_seconds_option(*sweep, command.tuning);
    add_result_options(*sweep, output);
    return {sweep, [state, &output] { return run(*state, output); }};
}

} // namespace tz::bench
