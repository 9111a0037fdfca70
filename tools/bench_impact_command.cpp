// tz-bench impact: bench/impact/measure.py, with the same options.
#include <tz/tools/bench_command.hpp>
#include <tz/tools/bench_script.hpp>

#include <CLI/CLI.hpp>

#include <deque>
#include <memory>

namespace tz::bench {

namespace {

struct ImpactCommand {
    std::string python = "python3";
    std::string script;
    std::deque<std::vector<std::string>>
        values;                              ///< of the script's options; they stay where they are
    std::vector<const CLI::Option*> options; ///< the script's
};

/// An option that the script knows by the same name, and checks. `again`: may be given repeatedly.
void add_passed(
    CLI::App& app,
    ImpactCommand& command,
    const std::string& name,
    const std::string& type,
    const std::string& help,
    bool again = false) {
    CLI::Option* option = app.add_option(name, command.values.emplace_back(), help);
    option->type_name(type)->allow_extra_args(false);
    if (!again)
        option->expected(1)->take_last();
    command.options.push_back(option);
}

std::vector<std::string> passed(const ImpactCommand& command, const Output& output) {
    std::vector<std::string> words;
    for (const CLI::Option* option : command.options)
        for (const std::string& value : option->results())
            words.push_back(option->get_name() + "=" + value);
    if (output.json)
        words.emplace_back("--json");
    if (output.quiet)
        words.emplace_back("--quiet");
    if (!output.export_json.empty())
        words.push_back("--export-json=" + output.export_json);
    return words;
}

void add_script_options(CLI::App& app, ImpactCommand& command) {
    const auto add = [&](const char* name, const char* type, const char* help, bool again = false) {
        add_passed(app, command, name, type, help, again);
    };
    add("--folder", "DIR", "For what is made and downloaded (/var/tmp)");
    add("--model", "FOLDER", "With config.json and safetensors, instead of random weights");
    add("--size", "SIZE", "Of random weights (1GB)");
    add("--runs", "N", "Rounds (3)");
    add("--requests", "N", "Sent at once (100)");
    add("--prompt-tokens", "N", "Of each request (2)");
    add("--new-tokens", "N", "That each asks for (1)");
    add("--servers", "hf,tzio|none", "Which are measured, or none (hf,tzio)");
    add("--server", "NAME=COMMAND", "Another one, with {model} and {port} in its command", true);
    add("--from", "local,s3", "Where the model is (local)");
    add("--cache", "cold,warm", "How local files are found (cold)");
    add("--endpoint", "URL", "Of S3; without one, as AWS_ENDPOINT_URL says");
    add("--bucket", "NAME", "Where the model is put for a while (models)");
    add("--start-limit", "SECONDS", "For a server to start (600)");
    add("--answer-limit", "SECONDS", "For a request (600)");
}

} // namespace

cli::Command add_impact(CLI::App& app, Output& output) {
    CLI::App* impact = app.add_subcommand(
        "impact", "Time requests to servers that start when the first one comes");
    const auto state = std::make_shared<ImpactCommand>();
    ImpactCommand& command = *state;
    add_script_options(*impact, command);
    add_result_options(*impact, output);
    impact->add_option("--python", command.python, "With torch, transformers and tzio (python3)")
        ->type_name("PATH");
    impact->add_option("--script", command.script, "Another impact/measure.py")->type_name("PATH");
    impact->footer(
        "Examples:\n"
        "  tz-bench impact --python venv/bin/python --size 2GB --export-json impact.json\n"
        "  tz-bench impact --model /models/llama --from local,s3 --cache cold,warm");
    return {impact, [state, &output]() -> int {
                check_result_file(output); // the script writes it, at its end
                become_script(
                    state->python,
                    script_path(state->script, "impact/measure.py", "--script"),
                    passed(*state, output));
            }};
}

} // namespace tz::bench
