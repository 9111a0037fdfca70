#include <tz/format/error.hpp>
#include <tz/tools/config_text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace tz::cli {

namespace {

constexpr std::string_view spaces = " \t\r";
constexpr std::string_view bare =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

/// One line, taken from its left end.
class Line {
public:
    Line(std::string_view text, const std::string& place) : rest_(text), place_(place) { skip(); }

    bool ended() const { return rest_.empty() || rest_.front() == '#'; }

    bool take(char wanted) {
        if (rest_.empty() || rest_.front() != wanted)
            return false;
        rest_.remove_prefix(1);
        skip();
        return true;
    }

    std::string word(std::string_view characters) {
        const std::size_t end = std::min(rest_.find_first_not_of(characters), rest_.size());
        const std::string found(rest_.substr(0, end));
        rest_.remove_prefix(end);
        skip();
        return found;
    }

    std::string value() {
        if (!rest_.empty() && (rest_.front() == '"' || rest_.front() == '\''))
            return quoted();
        const std::string_view typed = rest_.substr(0, rest_.find_first_of(" \t\r#,]"));
        std::string text = word("abcdefghijklmnopqrstuvwxyz0123456789+-._");
        const bool number = text.find_first_not_of("0123456789+-._") == text.npos;
        const bool known = number || text == "true" || text == "false";
        if (typed.empty() || typed.front() == '[' || typed.front() == '{')
            fail("a value is a string in quotes, a number, true or false");
        if (text != typed || !known) // a size or a path, most often
            throw Error(
                errc::usage,
                fmt::format("{} is no number, true or false", printable(typed)),
                {},
                "put it in quotes")
                .in(place_);
        if (number)
            std::erase(text, '_');
        return text;
    }

    void end() const {
        if (!ended())
            fail(fmt::format("'{}' is too much here", printable(rest_)));
    }

    [[noreturn]] void fail(const std::string& what) const {
        throw Error(errc::usage, what).in(place_);
    }

private:
    void skip() { rest_.remove_prefix(std::min(rest_.find_first_not_of(spaces), rest_.size())); }

    // '...' as it stands, or "..." with escapes.
    std::string quoted() {
        const char quote = rest_.front();
        std::string text;
        for (std::size_t i = 1; i < rest_.size(); ++i) {
            if (rest_[i] == quote) {
                rest_.remove_prefix(i + 1);
                skip();
                return text;
            }
            const bool escape = quote == '"' && rest_[i] == '\\' && i + 1 < rest_.size();
            text += escape ? unescaped(rest_[++i]) : rest_[i];
        }
        fail("the string has no end");
    }

    char unescaped(char escape) const {
        switch (escape) {
        case '"':
        case '\\':
            return escape;
        case 'n':
            return '\n';
        case 't':
            return '\t';
        default:
            fail("only \\\", \\\\, \\n and \\t can be escaped");
        }
    }

    std::string_view rest_;
    const std::string& place_;
};

std::string section(Line& line) {
    std::string name;
    do {
        const std::string part = line.word(bare);
        if (part.empty())
            line.fail("a section is [COMMAND]");
        name += (name.empty() ? "" : ".") + part;
    } while (line.take('.'));
    if (!line.take(']'))
        line.fail("a section is [COMMAND]");
    line.end();
    return name;
}

ConfigEntry entry(Line& line) {
    ConfigEntry entry;
    entry.key = line.word(bare);
    if (entry.key.empty() || !line.take('='))
        line.fail("this is neither OPTION = VALUE nor [COMMAND]");
    if (line.take('[')) {
        bool more = !line.take(']');
        while (more) {
            entry.values.push_back(line.value());
            const bool comma = line.take(',');
            more = !line.take(']');
            if (more && !comma)
                line.fail("an array stands in one line: [A, B]");
        }
    } else {
        entry.values.push_back(line.value());
    }
    line.end();
    return entry;
}

} // namespace

std::vector<ConfigEntry> parse_config(std::string_view text, const std::string& name) {
    std::vector<ConfigEntry> entries;
    std::string in;
    for (unsigned number = 1; !text.empty(); ++number) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string place = fmt::format("{}:{}", name, number);
        Line line(text.substr(0, end), place);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.ended())
            continue;
        if (line.take('[')) {
            in = section(line);
            continue;
        }
        ConfigEntry found = entry(line);
        found.section = in;
        found.line = number;
        for (const ConfigEntry& other : entries)
            if (other.section == found.section && other.key == found.key)
                line.fail(fmt::format("{} stands in line {} too", found.key, other.line));
        entries.push_back(std::move(found));
    }
    return entries;
}

} // namespace tz::cli
