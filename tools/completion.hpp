// Completion of a program's command line in shells, made from the declared commands and options, so
// that it can't differ from them.
#pragma once

#include <tz/tools/command.hpp>

#include <string>
#include <vector>

namespace tz::cli {

/// What may stand behind an option.
enum class Operand { none, text, path, choice };

struct CompletedOption {
    std::string name;       ///< without dashes
    std::string short_name; ///< a letter, or empty
    std::string help;
    Operand operand = Operand::none;
    std::vector<std::string> choices;
    bool repeatable = false;
};

struct CompletedCommand {
    std::string line; ///< "tz manifest add"
    std::string help;
    std::vector<CompletedOption> options;
    std::vector<std::string> commands; ///< names of those below it
    bool takes_files = false;
};

/// `app` and all commands below it, hidden ones left out, each before those below it.
std::vector<CompletedCommand> completed_commands(const CLI::App& app);

// What the shells read. `commands` begins with the program.

std::string bash_completion(const std::vector<CompletedCommand>& commands);
std::string zsh_completion(const std::vector<CompletedCommand>& commands);
std::string fish_completion(const std::vector<CompletedCommand>& commands);

/// Declares the hidden command `completion bash|zsh|fish|list` of the program `app`; `list` writes
/// the command lines themselves, for man pages.
Command add_completion(CLI::App& app);

} // namespace tz::cli
