// tz-bench sample: one load in a process of its own, timed by itself.
#include <tz/tools/bench_command.hpp>
#include <tz/tools/bench_memory.hpp>
#include <tz/tools/exit.hpp>
#include <tz/tools/network_options.hpp>
#include <tz/tools/signals.hpp>
#include <tz/tools/typed_options.hpp>

#include <CLI/CLI.hpp>

#include <memory>

namespace tz::bench {

namespace {

struct SampleCommand {
    cli::Options shared;
    std::string mode = "plain";
    std::size_t bytes_max = 0;
    std::size_t touch_bytes = 0;
};

int run(const SampleCommand& command) {
    const cli::StopOnSignal stop;
    cli::Console console;
    Subject subject = subject_with(command.shared, console, stop.token());
    subject.uri = command.shared.file();
    subject.encrypted = subject.key || subject.password; // to look would warm the file
    subject.part = part_of(command.shared, command.bytes_max);
    prepare_memory(command.touch_bytes);
    Engine engine(command.shared.engine);
    const Mode mode = parse_mode(command.mode);
    // one line: a program's report is its last one
    cli::write_result(measured_load(engine, subject, mode, stop.token()).dump() + "\n");
    return cli::exit_ok;
}

} // namespace

cli::Command add_sample(CLI::App& app) {
    CLI::App* sample = app.add_subcommand("sample", "Time one load: what load does in each round");
    const auto state = std::make_shared<SampleCommand>();
    SampleCommand& command = *state;
    cli::add_file(*sample, command.shared);
    sample->add_option("--mode", command.mode, "As in load --modes (plain)")->type_name("MODE");
    add_part_options(*sample, command.shared, command.bytes_max);
    cli::add_size(
        *sample, "--touch", command.touch_bytes, "Touch and free as much memory before the load");
    add_secret_options(*sample, command.shared);
    cli::add_engine_options(*sample, command.shared);
    cli::add_network_options(*sample, command.shared.network);
    return {sample, [state] { return run(*state); }};
}

} // namespace tz::bench
