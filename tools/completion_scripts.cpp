#include <tz/tools/completion.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace tz::cli {

namespace {

using Commands = std::vector<CompletedCommand>;

// tz-bench's function is _tz_bench.
std::string function_of(const Commands& commands) {
    std::string name = commands.front().line;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

// For a string in single quotes: in sh a quote ends it, in fish a backslash keeps it.
std::string escaped(std::string_view text, std::string_view special, std::string_view quote) {
    std::string out;
    for (const char c : text) {
        if (c == '\'')
            out += quote;
        else if (special.find(c) != special.npos)
            out += std::string("\\") + c;
        else
            out += c;
    }
    return out;
}

// 'tz load'|'tz manifest'|...: everything below the program.
std::string below_program(const Commands& commands, std::string_view between) {
    std::string lines;
    for (std::size_t i = 1; i < commands.size(); ++i)
        lines += fmt::format("{}'{}'", i == 1 ? "" : between, commands[i].line);
    return lines;
}

std::string joined(const std::vector<std::string>& words) {
    return fmt::to_string(fmt::join(words, " "));
}

std::string help_of(const Commands& commands, const std::string& line) {
    const auto found = std::find_if(
        commands.begin(), commands.end(), [&](const auto& one) { return one.line == line; });
    return found == commands.end() ? "" : found->help;
}

// --- bash

std::string bash_operands(const CompletedCommand& command) {
    std::string cases;
    for (const CompletedOption& option : command.options) {
        if (option.operand == Operand::none)
            continue;
        std::string pattern = fmt::format("'{} --{}'", command.line, option.name);
        if (!option.short_name.empty())
            pattern += fmt::format(" | '{} -{}'", command.line, option.short_name);
        const std::string reply = option.operand == Operand::path ? "files=yes"
                                  : option.operand == Operand::choice
                                      ? fmt::format("words='{}'", joined(option.choices))
                                      : "";
        cases += fmt::format("    {}) {};;\n", pattern, reply.empty() ? "" : reply + " ");
    }
    return cases;
}

std::string bash_words(const CompletedCommand& command) {
    std::vector<std::string> options;
    for (const CompletedOption& option : command.options)
        options.push_back("--" + option.name);
    return fmt::format(
        "        '{}')\n"
        "            options='{}'\n"
        "            commands='{}'\n"
        "            files={}\n"
        "            ;;\n",
        command.line,
        joined(options),
        joined(command.commands),
        command.takes_files ? "yes" : "no");
}

constexpr std::string_view bash_head =
    R"(# Completion of {program} in bash, made by `{program} completion bash`.
# shellcheck shell=bash
_{function}() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}}
    local line={program} words='' files=no options='' commands='' index
    # bash takes the = of --option=value for a word
    if [[ $word == '=' ]]; then
        word=''
    elif [[ $previous == '=' ]]; then
        previous=${{COMP_WORDS[COMP_CWORD - 2]}}
    fi
    for ((index = 1; index < COMP_CWORD; index++)); do
        case "$line ${{COMP_WORDS[index]}}" in
        {below}) line+=" ${{COMP_WORDS[index]}}" ;;
        esac
    done
    case "$line $previous" in
)";

constexpr std::string_view bash_middle = R"(    *)
        case $line in
)";

constexpr std::string_view bash_tail = R"(        esac
        words=$commands
        if [[ $word == -* ]]; then
            words=$options files=no
        fi
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    if [[ $files == yes ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    fi
}}
complete -F _{function} {program}
)";

// --- zsh

std::string zsh_operand(const CompletedOption& option) {
    switch (option.operand) {
    case Operand::none:
        return "";
    case Operand::text:
        return fmt::format(":{}: ", option.name);
    case Operand::path:
        return fmt::format(":{}:_files", option.name);
    case Operand::choice:
        return fmt::format(":{}:({})", option.name, joined(option.choices));
    }
    return "";
}

// One for each name, as _arguments takes them.
std::string zsh_option(const CompletedOption& option) {
    std::string specs;
    const std::string help = escaped(option.help, "[]:\\", "'\\''");
    const std::string star = option.repeatable ? "*" : "";
    const bool operand = option.operand != Operand::none;
    if (!option.short_name.empty())
        specs += fmt::format(
            " \\\n            '{}-{}{}[{}]{}'",
            star,
            option.short_name,
            operand ? "+" : "",
            help,
            zsh_operand(option));
    specs += fmt::format(
        " \\\n            '{}--{}{}[{}]{}'",
        star,
        option.name,
        operand ? "=" : "",
        help,
        zsh_operand(option));
    return specs;
}

std::string zsh_command(const Commands& commands, const CompletedCommand& command) {
    std::string text = fmt::format("    '{}')\n", command.line);
    if (!command.commands.empty()) {
        text += "        below=(";
        for (const std::string& name : command.commands)
            text += fmt::format(
                "\n            '{}:{}'",
                name,
                escaped(help_of(commands, command.line + " " + name), ":\\", "'\\''"));
        text += ")\n        if [[ $words[CURRENT] != -* && $words[CURRENT-1] != --config ]]; then\n"
                "            _describe -t commands command below\n"
                "            return\n"
                "        fi\n";
    }
    text += "        _arguments -s";
    for (const CompletedOption& option : command.options)
        text += zsh_option(option);
    if (command.takes_files)
        text += " \\\n            '*:file:_files'";
    return text + "\n        ;;\n";
}

constexpr std::string_view zsh_head = R"(#compdef {program}
# Completion of {program} in zsh, made by `{program} completion zsh`.
_{function}() {{
    local line={program} index
    local -a below
    for ((index = 2; index < CURRENT; index++)); do
        case "$line $words[index]" in
        {below}) line+=" $words[index]" ;;
        esac
    done
    case $line in
)";

constexpr std::string_view zsh_tail = R"(    esac
}}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _{function} "$@"
else
    compdef _{function} {program}
fi
)";

// --- fish

std::string fish_option(const std::string& when, const CompletedOption& option) {
    std::string text = when;
    if (!option.short_name.empty())
        text += " -s " + option.short_name;
    text += " -l " + option.name;
    if (option.operand == Operand::path)
        text += " -r -F";
    else if (option.operand == Operand::choice)
        text += fmt::format(" -x -a '{}'", joined(option.choices));
    else if (option.operand == Operand::text)
        text += " -x";
    return text + fmt::format(" -d '{}'\n", escaped(option.help, "\\", "\\'"));
}

std::string fish_command(const Commands& commands, const CompletedCommand& command) {
    const std::string when = fmt::format(
        "complete -c {} -n '__{}_at \"{}\"'",
        commands.front().line,
        function_of(commands),
        command.line);
    std::string text;
    for (const std::string& name : command.commands)
        text += fmt::format(
            "{} -a {} -d '{}'\n",
            when,
            name,
            escaped(help_of(commands, command.line + " " + name), "\\", "\\'"));
    for (const CompletedOption& option : command.options)
        text += fish_option(when, option);
    if (command.takes_files)
        text += when + " -F\n";
    return text;
}

constexpr std::string_view fish_head =
    R"(# Completion of {program} in fish, made by `{program} completion fish`.
function __{function}_at
    set -l line {program}
    for word in (commandline -opc)[2..-1]
        if contains -- "$line $word" {below}
            set line "$line $word"
        end
    end
    test "$line" = "$argv[1]"
end
complete -c {program} -f
)";

std::string filled(std::string_view pattern, const Commands& commands, std::string_view between) {
    return fmt::format(
        fmt::runtime(pattern),
        fmt::arg("program", commands.front().line),
        fmt::arg("function", function_of(commands)),
        fmt::arg("below", below_program(commands, between)));
}

} // namespace

std::string bash_completion(const Commands& commands) {
    std::string text = filled(bash_head, commands, " | ");
    for (const CompletedCommand& command : commands)
        text += bash_operands(command);
    text += bash_middle;
    for (const CompletedCommand& command : commands)
        text += bash_words(command);
    return text + filled(bash_tail, commands, "");
}

std::string zsh_completion(const Commands& commands) {
    std::string text = filled(zsh_head, commands, "|");
    for (const CompletedCommand& command : commands)
        text += zsh_command(commands, command);
    return text + filled(zsh_tail, commands, "");
}

std::string fish_completion(const Commands& commands) {
    std::string text = filled(fish_head, commands, " ");
    for (const CompletedCommand& command : commands)
        text += fish_command(commands, command);
    return text;
}

} // namespace tz::cli
