#include <tz/engine/file_calls.hpp>
#include <tz/format/error.hpp>
#include <tz/tools/bench_child.hpp>
#include <tz/tools/bench_command.hpp>
#include <tz/tools/bench_comparison.hpp>
#include <tz/tools/network_options.hpp>
#include <tz/tools/typed_options.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cerrno>
#include <exception>
#include <filesystem>
#include <span>

namespace tz::bench {

namespace {

/// Whether a new file can take the name: no pipe, device or link has it.
bool replaceable(const std::string& path) {
    namespace fs = std::filesystem;
    std::error_code ignored;
    const fs::file_status status = fs::symlink_status(path, ignored);
    return !fs::exists(status) || fs::is_regular_file(status);
}

} // namespace

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

ResultFile::ResultFile(const Output& output) : path_(output.export_json) {
    if (path_.empty())
        return;
    if (replaceable(path_)) {
        file_.emplace(path_, Existing::replaced);
        return;
    }
    errno = 0;
    stream_.open(path_, std::ios::app); // what it holds stays until there is a result
    if (!stream_)
        fail_on(path_, "cannot write", errno);
}

void ResultFile::write(const cli::Json& json) {
    if (path_.empty())
        return;
    const std::string text = json.dump(2, ' ', false, cli::Json::error_handler_t::replace) + "\n";
    if (file_) {
        file_->write(std::as_bytes(std::span(text)), 0);
        file_->sync();
        file_->publish();
        return;
    }
    std::error_code ignored;
    if (std::filesystem::is_regular_file(path_, ignored)) // that a link leads to
        std::filesystem::resize_file(path_, 0, ignored);
    errno = 0;
    if (!(stream_ << text).flush())
        fail_on(path_, "cannot write", errno);
}

void check_result_file(const Output& output) {
    if (!output.export_json.empty() && replaceable(output.export_json))
        const NewFile made(output.export_json, Existing::replaced);
}

void write_result(
    const Output& output, ResultFile& file, const cli::Json& json, const std::string& text) {
    std::exception_ptr failure; // which doesn't cost the result, that took long
    try {
        file.write(json);
    } catch (const Error&) {
        failure = std::current_exception();
    }
    if (output.json)
        cli::write_json(json);
    else
        cli::write_result(text);
    if (failure)
        std::rethrow_exception(failure);
}

void report(Run run, const Output& output, ResultFile& file) {
    run.arguments = output.arguments;
    write_result(output, file, to_json(run), table(run) + comparison(run));
}

} // namespace tz::bench
