// What the commands of tz-bench share: where results go, how files are opened.
#pragma once

#include <tz/engine/new_file.hpp>
#include <tz/tools/bench_load.hpp>
#include <tz/tools/bench_report.hpp>
#include <tz/tools/command.hpp>
#include <tz/tools/console.hpp>
#include <tz/tools/options.hpp>
#include <tz/tools/secrets.hpp>

#include <fstream>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class Option;
}

namespace tz::bench {

/// Where results go.
struct Output {
    bool json = false;
    bool quiet = false;
    std::string export_json;
    std::vector<std::string> arguments; ///< of the program, without secrets
};

/// --json, --export-json, --quiet.
void add_result_options(CLI::App& app, Output& output);

/// --key-file, --password-file.
void add_secret_options(CLI::App& app, cli::Options& shared);

/// --include, --exclude, --max-bytes.
void add_part_options(CLI::App& app, cli::Options& shared, std::size_t& bytes_max);

/// What these said.
Part part_of(const cli::Options& shared, std::size_t bytes_max);

/// Warnings as lines on stderr. `console` outlives it.
cli::Warn warn_on(cli::Console& console);

/// Reads keys, until `stop`. The file is yet to be named and inspected.
Subject
subject_with(const cli::Options& shared, cli::Console& console, const std::stop_token& stop);

/// Adds the engine's and the network's options and returns them.
std::vector<const CLI::Option*> add_machine_options(CLI::App& app, cli::Options& shared);

/// Options as words of the shell, each with a space before it.
std::string as_given(const std::vector<const CLI::Option*>& options);

/// --export-json's file, where one is asked for. Made before the first sample, so that a path that
/// can't be written fails at once; until it is written, a file that was there before stays.
class ResultFile {
public:
    /// Throws `tz::Error`, as --html does.
    explicit ResultFile(const Output& output);

    /// At most once. Throws `tz::Error`.
    void write(const cli::Json& json);

private:
    std::string path_;
    std::optional<NewFile> file_;
    std::ofstream stream_; ///< instead, where a pipe, a device or a link has the name
};

/// Throws what making the file would, and leaves none.
void check_result_file(const Output& output);

/// Writes `json` to `file`, and `json` or `text` to stdout, this also where the file can't be
/// written. Throws `tz::Error`.
void write_result(
    const Output& output, ResultFile& file, const cli::Json& json, const std::string& text);

/// Writes out a run with the program's arguments.
void report(Run run, const Output& output, ResultFile& file);

// The commands. `output` outlives what is returned.

cli::Command add_load(CLI::App& app, Output& output);
cli::Command add_html(CLI::App& app);
cli::Command add_sample(CLI::App& app);
cli::Command add_make(CLI::App& app, Output& output);
cli::Command add_sweep(CLI::App& app, Output& output);
cli::Command add_advise(CLI::App& app, Output& output);
cli::Command add_compare(CLI::App& app, Output& output);
cli::Command add_impact(CLI::App& app, Output& output);

} // namespace tz::bench
