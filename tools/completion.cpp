#include <tz/tools/completion.hpp>
#include <tz/tools/console.hpp>
#include <tz/tools/exit.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>

namespace tz::cli {

namespace {

std::vector<std::string> split(const std::string& text, char by) {
    std::vector<std::string> parts;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find(by, begin), text.size());
        parts.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return parts;
}

CompletedOption completed(const CLI::Option& option) {
    CompletedOption one;
    one.name = option.get_lnames().front();
    if (!option.get_snames().empty())
        one.short_name = option.get_snames().front();
    one.help = option.get_description();
    one.repeatable = option.get_items_expected_max() > 1 ||
                     option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll;
    const std::string type = option.get_type_name();
    if (option.get_type_size() == 0)
        return one;
    one.operand = Operand::text;
    if (type == "PATH") {
        one.operand = Operand::path;
    } else if (type.find('|') != type.npos) {
        one.operand = Operand::choice;
        for (const std::string& choice : split(type, '|'))
            if (std::none_of(
                    choice.begin(), choice.end(), [](char c) { return c >= 'A' && c <= 'Z'; }))
                one.choices.push_back(choice); // SIZE stands for others
    }
    return one;
}

void walk(const CLI::App& app, const std::string& above, std::vector<CompletedCommand>& all) {
    CompletedCommand command;
    command.line = above + app.get_name();
    command.help = app.get_description();
    for (const CLI::Option* option : app.get_options()) {
        if (option->get_positional())
            command.takes_files = true;
        else if (!option->get_lnames().empty())
            command.options.push_back(completed(*option));
    }
    const auto shown =
        app.get_subcommands([](const CLI::App* below) { return !below->get_group().empty(); });
    for (const CLI::App* below : shown)
        command.commands.push_back(below->get_name());
    const std::string line = command.line;
    all.push_back(std::move(command));
    for (const CLI::App* below : shown)
        walk(*below, line + " ", all);
}

std::string lines_of(const std::vector<CompletedCommand>& commands) {
    std::string lines;
    for (const CompletedCommand& command : commands)
        lines += command.line + "\n";
    return lines;
}

int run_completion(const CLI::App& app, const std::string& shell) {
    const std::vector<CompletedCommand> commands = completed_commands(app);
    write_result(
        shell == "bash"   ? bash_completion(commands)
        : shell == "zsh"  ? zsh_completion(commands)
        : shell == "fish" ? fish_completion(commands)
                          : lines_of(commands));
    return exit_ok;
}

} // namespace

std::vector<CompletedCommand> completed_commands(const CLI::App& app) {
    std::vector<CompletedCommand> all;
    walk(app, "", all);
    return all;
}

Command add_completion(CLI::App& app) {
    CLI::App* completion = app.add_subcommand("completion", "Write a completion script of a shell");
    completion->group("");
    const auto shell = std::make_shared<std::string>();
    completion->add_option("SHELL", *shell, "bash, zsh, fish, or list: the commands")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish", "list"}));
    return {completion, [&app, shell] { return run_completion(app, *shell); }};
}

} // namespace tz::cli
