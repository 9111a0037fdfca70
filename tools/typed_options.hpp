// Options whose text is a number, a size, a time, or anything else that a function understands.
#pragma once

#include <functional>
#include <string>

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace tz::cli {

/// Declares an option whose text `parse` understands. What that throws, a `tz::Error`, is reported
/// as wrong usage. The last of repeated options holds.
CLI::Option* add_parsed(
    CLI::App& app,
    const std::string& name,
    const std::string& type,
    const std::string& help,
    std::function<void(const std::string&)> parse);

CLI::Option*
add_number(CLI::App& app, const std::string& name, unsigned& to, const std::string& help);

CLI::Option*
add_size(CLI::App& app, const std::string& name, std::size_t& to, const std::string& help);

/// Text as it stands, e.g. the path of a file.
CLI::Option* add_text(
    CLI::App& app,
    const std::string& name,
    const std::string& type,
    std::string& to,
    const std::string& help);

} // namespace tz::cli
