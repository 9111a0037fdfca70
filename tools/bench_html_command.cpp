// tz-bench html: a result that was exported, as a page.
#include <tz/engine/file_calls.hpp>
#include <tz/engine/new_file.hpp>
#include <tz/format/error.hpp>
#include <tz/tools/bench_command.hpp>
#include <tz/tools/bench_page.hpp>
#include <tz/tools/bench_timeline.hpp>
#include <tz/tools/exit.hpp>

#include <CLI/CLI.hpp>

#include <cerrno>
#include <fstream>
#include <memory>

namespace tz::bench {

namespace {

struct HtmlCommand {
    std::string result;
    std::string page;
    std::string trace;
};

cli::Json read_json(const std::string& path) {
    errno = 0;
    std::ifstream file(path);
    file.peek(); // opening a folder succeeds
    if (errno != 0)
        fail_on(path, "cannot read", errno);
    try {
        return cli::Json::parse(file);
    } catch (const cli::Json::exception&) {
        throw Error(errc::format, "this is no JSON").in(path);
    }
}

cli::Json read_timeline(const std::string& path) {
    const cli::Json trace = read_json(path);
    try {
        return timeline(trace);
    } catch (const Error& error) {
        throw error.in(path);
    }
}

int run(const HtmlCommand& command) {
    const cli::Json result = read_json(command.result);
    const cli::Json timeline = command.trace.empty() ? cli::Json() : read_timeline(command.trace);
    NewFile file(command.page, Existing::replaced);
    try {
        write_page(file, result, timeline);
    } catch (const Error& error) {
        throw error.in(command.result); // where the file's own name doesn't stand already
    }
    return cli::exit_ok;
}

} // namespace

cli::Command add_html(CLI::App& app) {
    CLI::App* html = app.add_subcommand("html", "Make a result a page for browsers");
    const auto state = std::make_shared<HtmlCommand>();
    HtmlCommand& command = *state;
    html->add_option("RESULT", command.result, "What --export-json wrote")->required();
    html->add_option("FILE", command.page, "The page to write; replaced if it exists")->required();
    html->add_option("--trace", command.trace, "What tz load --trace wrote, for the timeline")
        ->type_name("PATH");
    return {html, [state] { return run(*state); }};
}

} // namespace tz::bench
