#include <tz/format/error.hpp>
#include <tz/tools/typed_options.hpp>
#include <tz/tools/units.hpp>

#include <CLI/CLI.hpp>

#include <utility>

namespace tz::cli {

CLI::Option* add_parsed(
    CLI::App& app,
    const std::string& name,
    const std::string& type,
    const std::string& help,
    std::function<void(const std::string&)> parse) {
    const auto store = [name, parse = std::move(parse)](const std::string& text) {
        try {
            parse(text);
        } catch (const Error& error) {
            throw CLI::ValidationError(name, error.what());
        }
    };
    return app.add_option_function<std::string>(name, store, help)->type_name(type)->take_last();
}

CLI::Option*
add_number(CLI::App& app, const std::string& name, unsigned& to, const std::string& help) {
    return add_parsed(
        app, name, "N", help, [&to](const std::string& text) { to = parse_number(text); });
}

CLI::Option*
add_size(CLI::App& app, const std::string& name, std::size_t& to, const std::string& help) {
    return add_parsed(
        app, name, "SIZE", help, [&to](const std::string& text) { to = parse_size(text); });
}

CLI::Option* add_text(
    CLI::App& app,
    const std::string& name,
    const std::string& type,
    std::string& to,
    const std::string& help) {
    return app.add_option(name, to, help)->type_name(type)->take_last();
}

} // namespace tz::cli
