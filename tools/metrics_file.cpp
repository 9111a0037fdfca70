#include <tz/engine/new_file.hpp>
#include <tz/format/error.hpp>
#include <tz/tools/console.hpp>
#include <tz/tools/json.hpp>
#include <tz/tools/metrics.hpp>
#include <tz/tools/metrics_file.hpp>
#include <tz/tools/trace_file.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <chrono>
#include <span>

namespace tz::cli {

namespace {

using Clock = std::chrono::steady_clock;

double seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

RunFigures figures_of(const Measured& measured, Clock::time_point began) {
    RunFigures run;
    run.command = measured.command;
    run.version = version();
    run.seconds = seconds(Clock::now() - began);
    run.ended_at = seconds(std::chrono::system_clock::now().time_since_epoch());
    run.stats = measured.stats;
    run.delivered_bytes = run.stats ? run.stats->bytes : measured.progress.bytes_done;
    return run;
}

void write(NewFile& file, const RunFigures& run) {
    const std::string text = metrics_text(run);
    file.write(std::as_bytes(std::span(text)), 0);
    file.sync();
    file.publish();
}

/// The command and then its trace, so that the result is out where the trace can't be written.
int run_traced(const Command& command, Measured& measured) {
    try {
        const int code = command.run();
        if (measured.trace)
            measured.trace->write();
        return code;
    } catch (...) {
        measured.trace.reset(); // which writes what there is
        throw;
    }
}

} // namespace

int run_measured(const Command& command, const Options& options) {
    options.measured->command = command.app->get_name();
    if (options.metrics_file.empty())
        return run_traced(command, *options.measured);
    const auto began = Clock::now();
    NewFile file(options.metrics_file, Existing::replaced);
    file.let_all_read(); // the collector runs as another user
    int code = 0;
    try {
        code = run_traced(command, *options.measured);
    } catch (const std::exception& error) {
        RunFigures run = figures_of(*options.measured, began);
        if (dynamic_cast<const ClosedPipe*>(&error) == nullptr) // which is nobody's failure
            run.result = result_of(error);
        try {
            write(file, run);
        } catch (const std::exception& second) { // the command's own error ends the program
            Console().line(fmt::format("tz: warning: {}", printable(second.what())));
        }
        throw;
    }
    write(file, figures_of(*options.measured, began));
    return code;
}

} // namespace tz::cli
