// tz-bench: how fast loads are, beside what the machine can do. Each command stands in the file of
// its name.
#include <tz/format/error.hpp>
#include <tz/tools/bench_command.hpp>
#include <tz/tools/completion.hpp>
#include <tz/tools/demo.hpp>
#include <tz/tools/exit.hpp>
#include <tz/tools/program.hpp>
#include <tz/tools/signals.hpp>
#include <tz/tools/uri_text.hpp>

#include <CLI/CLI.hpp>

#include <span>

namespace {

using namespace tz;
using namespace tz::bench;

int run_demo(const Output& output) {
    const cli::StopOnSignal stop;
    cli::Console console;
    ResultFile exported(output);
    const Run run = demo(console, output.quiet, stop.token());
    report(run, output, exported);
    return run.stopped ? cli::exit_cancelled : cli::exit_ok;
}

} // namespace

// what escapes is a wrong declaration of options
int main(int argc, char** argv) { // NOLINT(bugprone-exception-escape)
    Output output;
    bool demo = false;
    for (const char* argument : std::span(argv, static_cast<std::size_t>(argc)).subspan(1))
        output.arguments.push_back(cli::without_secrets(argument));
    CLI::App app("How fast model weights load, beside what the machine can do", "tz-bench");
    app.add_flag("--demo", demo, "Make a model of 256 MiB, load it, print GB/s");
    add_result_options(app, output);
    const std::vector<cli::Command> commands{
        add_load(app, output),
        add_sample(app),
        add_make(app, output),
        add_sweep(app, output),
        add_advise(app, output),
        add_compare(app, output),
        add_impact(app, output),
        add_html(app),
        cli::add_completion(app)};
    app.require_subcommand(0, 1);
    app.footer(
        "Examples:\n"
        "  tz-bench --demo\n"
        "  tz-bench make model.tensors --size 2GB\n"
        "  tz-bench load model.tensors --runs 7 --export-json result.json --html result.html\n"
        "  tz-bench advise model.tensors");
    cli::complete(app);
    return cli::parse_and_run(app, argc, argv, [&]() -> int {
        for (const cli::Command& command : commands)
            if (command.app->parsed())
                return command.run();
        if (demo)
            return run_demo(output);
        throw Error(errc::usage, "nothing to do", {}, "try tz-bench --demo or tz-bench load FILE");
    });
}
