#include <tz/format/error.hpp>
#include <tz/tools/bench_child.hpp>
#include <tz/tools/bench_command.hpp>
#include <tz/tools/bench_comparison.hpp>
#include <tz/tools/network_options.hpp>
#include <tz/tools/typed_options.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace tz::bench {

void add_result_options(CLI::App& app, Output& output) {
    cli::add_json_option(app, output.json);
    app.add_option("--export-json", output.export_json, "Write the JSON object to this file too")
        ->type_name("PATH");
    app.add_flag("-q,--quiet", output.quiet, "Say nothing but results and errors");
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

void add_part_options(CLI::App& app, cli::Options& shared, std::size_t& bytes_max) {
    cli::add_selection_options(app, shared);
    cli::add_size(app, "--max-bytes", bytes_max, "Load no more than this of the file (0: all)");
}

Part part_of(const cli::Options& shared, std::size_t bytes_max) {
    const Selection& selection = shared.load.selection;
    return {selection.include, selection.exclude, bytes_max};
}

cli::Warn warn_on(cli::Console& console) {
    return [&console](const std::string& text) { console.line("tz-bench: warning: " + text); };
}

Subject
subject_with(const cli::Options& shared, cli::Console& console, const std::stop_token& stop) {
    Subject subject;
    subject.network = shared.network;
    subject.direct = shared.direct;
    subject.key_file = shared.key_file;
    subject.password_file = shared.password_file;
    if (!shared.key_file.empty())
        subject.key = cli::read_key_file(shared.key_file, warn_on(console), stop);
    if (!shared.password_file.empty())
        subject.password = cli::read_password_file(shared.password_file, warn_on(console), stop);
    return subject;
}

std::vector<const CLI::Option*> add_machine_options(CLI::App& app, cli::Options& shared) {
    const CLI::App& added = app;
    const std::size_t others = added.get_options().size();
    cli::add_engine_options(app, shared);
    cli::add_network_options(app, shared.network);
    std::vector<const CLI::Option*> all = added.get_options();
    all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(others));
    return all;
}

std::string as_given(const std::vector<const CLI::Option*>& options) {
    std::string words;
    for (const CLI::Option* option : options)
        if (option->count() > 0)
            words += " " + option->get_name() + "=" + shell_word(option->results().back());
    return words;
}

void write_result(const Output& output, const cli::Json& json, const std::string& text) {
    if (!output.export_json.empty()) {
        std::ofstream file(output.export_json);
        file << json.dump(2, ' ', false, cli::Json::error_handler_t::replace) << '\n';
        if (!file.flush())
            throw Error(errc::io, fmt::format("cannot write: {}", std::strerror(errno)))
                .in(output.export_json);
    }
    if (output.json)
        cli::write_json(json);
    else
        cli::write_result(text);
}

void report(Run run, const Output& output) {
    run.arguments = output.arguments;
    write_result(output, to_json(run), table(run) + comparison(run));
}

} // namespace tz::bench
