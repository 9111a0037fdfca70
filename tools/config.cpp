#include <tz/engine/file_calls.hpp>
#include <tz/format/error.hpp>
#include <tz/tools/config.hpp>
#include <tz/tools/uri_text.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>

namespace tz::cli {

namespace {

// They make no sense in a file, or would hold for it alone.
const std::set<std::string> not_in_a_file{"help", "version", "config", "print-config"};

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

// Of the commands that were parsed, the innermost last.
std::vector<CLI::App*> parsed_chain(CLI::App& app) {
    std::vector<CLI::App*> chain{&app};
    while (!chain.back()->get_subcommands().empty())
        chain.push_back(chain.back()->get_subcommands().front());
    return chain;
}

std::vector<const CLI::App*> parsed_chain(const CLI::App& app) {
    std::vector<const CLI::App*> chain{&app};
    while (!chain.back()->get_subcommands().empty())
        chain.push_back(chain.back()->get_subcommands().front());
    return chain;
}

// "bench" of tz-bench, "" of tz.
std::string root_section(const CLI::App& app) {
    const std::string& name = app.get_name();
    return name.starts_with("tz-") ? name.substr(3) : "";
}

bool is_within(const std::string& section, const std::string& outer) {
    return section == outer || section.starts_with(outer + ".");
}

// Whose sections this program leaves alone.
bool is_foreign(const CLI::App& app, const std::string& section) {
    const std::string root = root_section(app);
    return root.empty() ? is_within(section, "bench")
                        : !section.empty() && !is_within(section, root);
}

CLI::Option* option_of(const CLI::App& app, const std::string& key) {
    if (not_in_a_file.contains(key))
        return nullptr;
    for (const CLI::Option* option : app.get_options())
        if (!option->get_positional() && option->check_lname(key))
            return const_cast<CLI::App&>(app).get_option("--" + key);
    return nullptr;
}

bool any_has(const CLI::App& app, const std::string& key) {
    if (option_of(app, key) != nullptr)
        return true;
    const auto commands = app.get_subcommands(std::function<bool(const CLI::App*)>{});
    return std::any_of(
        commands.begin(), commands.end(), [&](const CLI::App* one) { return any_has(*one, key); });
}

const CLI::App* subcommand_of(const CLI::App& app, const std::string& name) {
    const auto named = [&name](const CLI::App* one) { return one->get_name() == name; };
    const auto found = app.get_subcommands(named);
    return found.empty() ? nullptr : found.front();
}

// The command that a section is of; null where there is none.
const CLI::App* command_of(const CLI::App& app, std::string section) {
    const std::string root = root_section(app);
    if (section == root)
        return &app;
    if (!root.empty() && section.starts_with(root + "."))
        section.erase(0, root.size() + 1);
    const CLI::App* command = &app;
    while (!section.empty()) {
        const std::size_t dot = std::min(section.find('.'), section.size());
        command = subcommand_of(*command, section.substr(0, dot));
        if (command == nullptr)
            return nullptr;
        section.erase(0, dot + 1);
    }
    // a hidden one is no user's
    return command->get_group().empty() ? nullptr : command;
}

std::string place_of(const ConfigFile& file, const ConfigEntry& entry) {
    return fmt::format("{}:{}", printable(file.path), entry.line);
}

void check(const CLI::App& app, const ConfigFile& file, const ConfigEntry& entry) {
    if (is_foreign(app, entry.section))
        return;
    const CLI::App* command = command_of(app, entry.section);
    if (command == nullptr)
        throw Error(
            errc::usage, fmt::format("[{}] is no command of {}", entry.section, app.get_name()))
            .in(place_of(file, entry));
    const bool shared = entry.section.empty() && !root_section(app).empty(); // perhaps tz has it
    if (!shared && !any_has(*command, entry.key))
        throw Error(
            errc::usage,
            fmt::format("there is no option --{} here", entry.key),
            {},
            "keys are long options without their dashes, sections the commands that have them")
            .in(place_of(file, entry));
}

void set(CLI::Option& option, const ConfigFile& file, const ConfigEntry& entry, Origins& here) {
    if (option.count() > 0)
        return;
    for (const CLI::Option* other : option.get_excludes()) {
        if (here.contains(other))
            throw Error(
                errc::usage,
                fmt::format("--{} and {} exclude each other", entry.key, other->get_name()))
                .in(place_of(file, entry));
        if (other->count() > 0) // said nearer to the user
            return;
    }
    try {
        for (const std::string& value : entry.values)
            option.add_result(value);
        if (!entry.values.empty())
            option.run_callback();
    } catch (const CLI::Error& error) {
        // CLI11 quotes values as they came
        std::vector<std::string> values = entry.values;
        std::vector<char*> words;
        words.reserve(values.size());
        for (std::string& value : values)
            words.push_back(value.data());
        throw Error(errc::usage, printable(without_secrets(error.what(), words)))
            .in(place_of(file, entry));
    }
    here.emplace(&option, place_of(file, entry));
}

std::string toml(const std::vector<std::string>& values) {
    std::vector<std::string> strings;
    for (const std::string& value : values) {
        std::string text;
        for (const char c : printable(without_secrets(value)))
            text += (c == '"' || c == '\\' ? "\\" : "") + std::string(1, c);
        strings.push_back('"' + text + '"');
    }
    const std::string all = fmt::to_string(fmt::join(strings, ", "));
    return strings.size() == 1 ? all : "[" + all + "]";
}

// Where both say the same, it is the environment that is named.
std::string said_by(const CLI::Option& option) {
    const std::string variable = option.get_envname();
    const std::vector<std::string> said{variable.empty() ? "" : environment(variable.c_str())};
    return !said.front().empty() && option.results() == said ? variable : "command line";
}

std::string section_of(const std::vector<const CLI::App*>& chain) {
    std::string section = root_section(*chain.front());
    for (std::size_t i = 1; i < chain.size(); ++i)
        section += (section.empty() ? "" : ".") + chain[i]->get_name();
    return section;
}

} // namespace

void add_config_options(CLI::App& app) {
    const auto keep_only = [](const std::string&) {}; // read_config() asks for it
    app.add_option_function<std::string>("--config", keep_only, "Read options from this file")
        ->type_name("PATH")
        ->take_last();
    const std::string help = "Print which options are set, and where, and exit";
    app.add_flag("--print-config", help);
}

std::optional<ConfigFile> read_config(const CLI::App& app) {
    const auto chain = parsed_chain(app);
    if (chain.back()->get_option_no_throw("--config") == nullptr)
        return {};
    std::string path;
    for (auto command = chain.rbegin(); path.empty() && command != chain.rend(); ++command) {
        const CLI::Option* option = (*command)->get_option_no_throw("--config");
        if (option != nullptr && option->count() > 0)
            path = option->results().back();
    }
    if (path.empty())
        path = environment("TZ_CONFIG");
    const bool named = !path.empty();
    if (!named) {
        const std::string home = environment("HOME");
        std::string folder = environment("XDG_CONFIG_HOME");
        if (folder.empty() && !home.empty())
            folder = home + "/.config";
        if (folder.empty())
            return {};
        path = folder + "/tzio/config.toml";
    }
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (file.bad() || !file.is_open()) {
        const int error = errno;
        if (!named && kind_of_errno(error) == errc::not_found)
            return {};
        fail_on(path, "read the configuration", error);
    }
    return ConfigFile{path, parse_config(text, printable(path))};
}

Origins apply_config(CLI::App& app, const ConfigFile& file) {
    Origins all;
    for (const ConfigEntry& entry : file.entries)
        check(app, file, entry);
    const auto chain = parsed_chain(app);
    // sections of the commands that were parsed, each with what is in it
    std::vector<std::string> sections{root_section(app)};
    for (std::size_t i = 1; i < chain.size(); ++i)
        sections.push_back(
            (sections.back().empty() ? "" : sections.back() + ".") + chain[i]->get_name());
    if (!sections.front().empty())
        sections.insert(sections.begin(), "");
    for (auto section = sections.rbegin(); section != sections.rend(); ++section) {
        Origins here; // excluded ones may not stand in one section
        for (const ConfigEntry& entry : file.entries)
            for (const CLI::App* command : chain)
                if (CLI::Option* option = option_of(*command, entry.key);
                    entry.section == *section && option != nullptr)
                    set(*option, file, entry, here);
        all.merge(here);
    }
    return all;
}

std::optional<std::string> printed_config(const CLI::App& app, const Origins& origins) {
    const auto chain = parsed_chain(app);
    const CLI::App& command = *chain.back();
    const bool wanted = std::any_of(chain.begin(), chain.end(), [](const CLI::App* one) {
        const CLI::Option* wish = one->get_option_no_throw("--print-config");
        return wish != nullptr && wish->count() > 0;
    });
    if (!wanted)
        return {};
    std::string text = "[" + section_of(chain) + "]\n";
    for (const CLI::Option* option : command.get_options()) {
        const std::string name = option->get_lnames().empty() ? "" : option->get_lnames().front();
        if (name.empty() || not_in_a_file.contains(name) || option->count() == 0)
            continue;
        const auto from = origins.find(option);
        text += fmt::format(
            "{} = {}  # {}\n",
            name,
            toml(option->results()),
            from != origins.end() ? from->second : said_by(*option));
    }
    return text;
}

} // namespace tz::cli
