// tz_soak: faults by lot, cancellations, failures of each call, and hours of all these. See
// README.md.
#include "soak.hpp"

#include "server_process.hpp"
#include "watchdog.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <unistd.h>

namespace {

using namespace tz::soak;

struct Asked {
    Slice slice;
    std::vector<std::string> kinds;
    std::optional<std::uint64_t> only;
    std::optional<std::uint64_t> within_seconds;
    std::string loop;
    std::optional<std::uint64_t> nth;
    double minutes = 1;
    bool list = false;
    std::optional<std::string> json;
};

/// Credentials and proxies are those of the schedules.
void forget_surroundings() {
    for (char** entry = ::environ; *entry != nullptr;) {
        const std::string text(*entry);
        const std::string name = text.substr(0, text.find('='));
        if (name.starts_with("AWS_") || name.starts_with("S3_") || name.ends_with("_proxy") ||
            name == "HOME")
            ::unsetenv(name.c_str()); // the next one is in its place
        else
            ++entry;
    }
    ::setenv("HOME", "/nonexistent", 1);
}

void say_what_ran() {
    std::cerr << "std::terminate in: " << current_run() << std::endl;
    std::abort();
}

Roads roads_of(const std::vector<std::string>& names) {
    Roads roads;
    for (const std::string& name : names)
        roads.push_back(road_of(name));
    return roads;
}

void list_schedules(const Asked& asked) {
    const Roads roads = roads_of(asked.kinds);
    for (std::uint64_t i = 0; i < asked.slice.count; ++i)
        std::cout << asked.slice.first + i << ' '
                  << to_string(draw_plan(asked.slice.seed, asked.slice.first + i, roads)) << '\n';
}

/// Each command has a report of its own: `run` is the soak that the record keeps as such.
std::string json_of(const CLI::App& app, const Asked& asked) {
    const std::string command = app.get_subcommands().front()->get_name();
    return asked.json.value_or(
        "build/reports/" + (command == "run" ? std::string("soak") : command) + ".json");
}

int finish(const Report& report, const std::string& json) {
    report.print();
    report.write(json);
    return report.broken() ? 1 : 0;
}

int run(const CLI::App& app, Asked& asked) {
    if (asked.only) {
        asked.slice.first = *asked.only;
        asked.slice.count = 1;
    }
    if (asked.within_seconds)
        asked.slice.within = std::chrono::seconds(*asked.within_seconds);
    if (asked.list) {
        list_schedules(asked);
        return 0;
    }
    const Material material;
    const ServerProcess server(material);
    begin_run("start"); // its thread is there before anybody counts
    Report report(asked.slice.seed);
    const std::string json = json_of(app, asked);
    on_hang([&](const std::string& what) { // with what was seen until then
        report.add_break(what);
        finish(report, json);
        std::fflush(stdout);
    });
    if (app.got_subcommand("schedules"))
        run_schedules(asked.slice, roads_of(asked.kinds), material, report);
    if (app.got_subcommand("cancels"))
        run_cancels(asked.slice, material, report);
    if (app.got_subcommand("failures"))
        run_failures(failure_loops(material, server.url()), asked.loop, asked.nth, report);
    if (app.got_subcommand("run")) {
        const std::chrono::seconds time(static_cast<std::int64_t>(asked.minutes * 60));
        run_all(time, asked.slice, failure_loops(material, server.url()), material, report);
    }
    on_hang({});
    return finish(report, json);
}

void add_options(CLI::App& app, Asked& asked) {
    app.require_subcommand(1);
    app.fallthrough();
    app.add_option(
        "--json",
        asked.json,
        "where the results go [build/reports/COMMAND.json, soak.json of run]");
    app.add_option("--seed", asked.slice.seed, "the same seed draws the same")
        ->capture_default_str();
    app.add_option(
        "--within", asked.within_seconds, "seconds that each may take, instead of the promised");
    CLI::App& schedules = *app.add_subcommand("schedules", "loads and saves with faults by lot");
    CLI::App& cancels = *app.add_subcommand("cancels", "loads that are stopped at any moment");
    for (CLI::App* command : {&schedules, &cancels}) {
        command->add_option("--count", asked.slice.count, "how many")->default_val(1000);
        command->add_option("--from", asked.slice.first, "number of the first");
        command->add_option("--only", asked.only, "that one alone");
    }
    schedules.add_option("--kinds", asked.kinds, "some of file,http,s3,save")->delimiter(',');
    schedules.add_flag("--list", asked.list, "prints the schedules instead");
    CLI::App& failures = *app.add_subcommand("failures", "each call fails in turn");
    failures.add_option("--only", asked.loop, "those with this in their name");
    failures.add_option("--nth", asked.nth, "that failure alone");
    CLI::App& all = *app.add_subcommand("run", "all of these in turn; memory must stay flat");
    all.add_option("--minutes", asked.minutes, "for how long")->capture_default_str();
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("Soak tests of tzio");
    Asked asked;
    add_options(app, asked);
    CLI11_PARSE(app, argc, argv);
    forget_surroundings();
    std::set_terminate(say_what_ran);
    try {
        return run(app, asked);
    } catch (const std::exception& error) {
        std::cerr << "tz_soak: " << error.what() << std::endl;
        return 2;
    }
}
