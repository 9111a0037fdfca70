#include <tz/tools/config.hpp>
#include <tz/tools/console.hpp>
#include <tz/tools/exit.hpp>
#include <tz/tools/json.hpp>
#include <tz/tools/nearest.hpp>
#include <tz/tools/program.hpp>
#include <tz/tools/uri_text.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <span>
#include <string>
#include <unistd.h>

namespace tz::cli {

namespace {

/// Gives standard input and outputs that are closed something to be. A file that we open would get
/// their number, and what is said would land in it. To write to these fails, as to what is closed.
void hold_standard_streams() {
    int file = 0;
    do {
        file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    } while (file >= 0 && file <= STDERR_FILENO);
    if (file > STDERR_FILENO)
        ::close(file);
}

// CLI11 prints "-c,--chunk-size" and, behind it, types, defaults and environment names.
class PlainHelp final : public CLI::Formatter {
public:
    PlainHelp() {
        column_width(34);
        label("Positionals", "Arguments");
        label("Subcommands", "Commands");
        label("SUBCOMMAND", "COMMAND");
    }

    std::string make_option_name(const CLI::Option* option, bool positional) const override {
        const std::string name = CLI::Formatter::make_option_name(option, positional);
        const auto comma = name.find(',');
        if (comma == std::string::npos)
            return positional || name[1] != '-' ? name : "    " + name;
        return name.substr(0, comma) + ", " + name.substr(comma + 1);
    }

    std::string make_option_opts(const CLI::Option* option) const override {
        return option->get_type_size() == 0 || option->get_positional()
                   ? ""
                   : " " + option->get_type_name();
    }
};

std::string environment_name(std::string name) {
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) {
        return c == '-' ? '_' : static_cast<char>(std::toupper(c));
    });
    return "TZ_" + name;
}

void complete_one(CLI::App& app) {
    app.formatter(std::make_shared<PlainHelp>());
    app.set_help_flag("-h,--help", "Print this help and exit");
    for (CLI::Option* option : app.get_options()) {
        if (option->get_positional() || option->get_lnames().empty())
            continue;
        const std::string name = option->get_lnames().front();
        if (name != "help" && name != "version")
            option->envname(environment_name(name));
    }
    // its environment variable holds for the program, not for each command
    if (!app.get_group().empty())
        add_config_options(app);
}

void complete_commands(CLI::App& app) {
    for (CLI::App* command : app.get_subcommands({})) {
        complete_one(*command);
        // without one, CLI11 reads the environment for commands that were not given too
        command->parse_complete_callback([] {});
        complete_commands(*command);
    }
}

// "tz load" for what was typed of a command line that did not parse.
std::string command_name(const CLI::App& app) {
    std::string name = app.get_name();
    for (const CLI::App* sub : app.get_subcommands())
        name += " " + command_name(*sub);
    return name;
}

// The innermost command that was given.
const CLI::App& given_command(const CLI::App& app) {
    const auto commands = app.get_subcommands();
    return commands.empty() ? app : given_command(*commands.front());
}

// "; did you mean load?", or nothing.
std::string did_you_mean(const std::string& word, const std::vector<std::string>& known) {
    const std::string near = nearest(word, known);
    return near.empty() ? "" : "; did you mean " + near + "?";
}

// A word where a command is to stand, of which CLI11 says that there is none.
std::string unknown_command(const CLI::App& command) {
    const auto rest = command.remaining();
    if (command.get_require_subcommand_min() == 0 || rest.empty() || rest.front().starts_with('-'))
        return "";
    std::vector<std::string> names;
    for (const CLI::App* one : command.get_subcommands([](const CLI::App*) { return true; }))
        if (!one->get_group().empty())
            names.push_back(one->get_name());
    return fmt::format("'{}' is no command of {}", rest.front(), command.get_name()) +
           did_you_mean(rest.front(), names);
}

std::string unknown_option(const CLI::App& command) {
    const auto rest = command.remaining();
    if (rest.empty() || !rest.front().starts_with("--"))
        return "";
    const std::string option = rest.front().substr(0, rest.front().find('='));
    std::vector<std::string> names;
    for (const CLI::Option* one : command.get_options())
        for (const std::string& name : one->get_lnames())
            names.push_back("--" + name);
    return fmt::format("there is no option {} here", option) + did_you_mean(option, names);
}

// CLI11 blames the option for what stands in the environment.
std::string
by_environment(const CLI::App& command, std::string what, std::span<char* const> arguments) {
    for (const CLI::Option* option : command.get_options()) {
        const std::string name = option->get_name();
        const bool blamed = !option->get_envname().empty() && what.starts_with(name + ":");
        if (!blamed || std::getenv(option->get_envname().c_str()) == nullptr)
            continue;
        const bool typed = std::any_of(arguments.begin(), arguments.end(), [&](const char* one) {
            return one == name || std::string_view(one).starts_with(name + "=");
        });
        if (!typed)
            return option->get_envname() + what.substr(name.size());
    }
    return what;
}

// CLI11 quotes arguments as they came.
int report_usage(
    const CLI::App& app, const CLI::ParseError& error, std::span<char* const> arguments) {
    const CLI::App& command = given_command(app);
    std::string what = unknown_command(command);
    if (what.empty() && dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr)
        what = unknown_option(command);
    if (what.empty())
        what = by_environment(command, error.what(), arguments);
    what = without_secrets(what, arguments);
    Console().line(fmt::format(
        "{}: {}{} see '{} --help'",
        app.get_name(),
        printable(what),
        what.ends_with('?') ? "" : ";",
        command_name(app)));
    return exit_usage;
}

} // namespace

void complete(CLI::App& app) {
    app.set_version_flag(
        "--version",
        fmt::format("{} {}{}", app.get_name(), version(), TZ_COMMIT),
        "Print the version and exit");
    complete_one(app);
    complete_commands(app);
}

int parse_and_run(CLI::App& app, int argc, char** argv, const std::function<int()>& run) {
    // a closed pipe is an error of write(), not the end of a load, and so is a file that grows too
    // large
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    hold_standard_streams();
    try {
        try {
            app.parse(argc, argv);
        } catch (const CLI::CallForHelp&) {
            write_result(app.help());
            return exit_ok;
        } catch (const CLI::CallForVersion& version) {
            write_result(std::string(version.what()) + "\n");
            return exit_ok;
        } catch (const CLI::ParseError& error) {
            return report_usage(app, error, {argv, static_cast<std::size_t>(argc)});
        }
        Origins origins;
        if (const auto config = read_config(app))
            origins = apply_config(app, *config);
        if (const auto printed = printed_config(app, origins)) {
            write_result(*printed);
            return exit_ok;
        }
        return run();
    } catch (const std::exception& error) {
        return report_failure(app.get_name(), error);
    }
}

} // namespace tz::cli
