// The configuration file of the programs: what an option is where neither the command line nor the
// environment says it. Its keys are the long options, its sections the commands.
#pragma once

#include <tz/tools/config_text.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace tz::cli {

struct ConfigFile {
    std::string path;
    std::vector<ConfigEntry> entries;
};

/// Where options have their values from: "c.toml:3". Those of the file alone.
using Origins = std::map<const CLI::Option*, std::string>;

/// Declares --config and --print-config.
void add_config_options(CLI::App& app);

/// The file that --config, TZ_CONFIG, or the usual place names ($XDG_CONFIG_HOME/tzio/config.toml,
/// ~/.config/tzio/config.toml); nothing where the usual place has none, or the command that was
/// parsed has no --config. Throws `tz::Error`.
std::optional<ConfigFile> read_config(const CLI::App& app);

/// Sets options of the commands that were parsed, the innermost section first, and says which.
/// Sections of other programs are left alone: those of `tz-bench` are [bench] and [bench.COMMAND].
/// Throws `tz::Error` (errc::usage), with the file and its line, for keys that no command has and
/// for wrong values.
Origins apply_config(CLI::App& app, const ConfigFile& file);

/// What is set of the command that was parsed, as a section of a file, each value with where it
/// comes from and without secrets; nothing where --print-config was not given.
std::optional<std::string> printed_config(const CLI::App& app, const Origins& origins);

} // namespace tz::cli
