#include <tz/format/error.hpp>
#include <tz/protocols/ascii.hpp>
#include <tz/protocols/aws_profile.hpp>
#include <tz/protocols/wiped.hpp>

namespace tz {

namespace {

constexpr std::string_view defaults_name = "DEFAULT";
// What str.strip() takes away, of ASCII.
constexpr std::string_view spaces = " \t\n\r\v\f\x1c\x1d\x1e\x1f";

std::string_view stripped(std::string_view text) {
    const std::size_t first = text.find_first_not_of(spaces);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(spaces) - first + 1);
}

std::string_view next_line(std::string_view& text) {
    const std::size_t end = text.find_first_of("\r\n");
    const std::string_view line = text.substr(0, end);
    if (end == std::string_view::npos)
        text = {};
    else
        text.remove_prefix(end + (text.substr(end).starts_with("\r\n") ? 2 : 1));
    return line;
}

} // namespace

/// Takes the lines one by one, as configparser's _read() does.
class IniReader {
public:
    IniReader(IniFile& file, std::string_view text) : file_(file) {
        while (!text.empty()) {
            ++number_;
            take(next_line(text));
        }
        finish_value();
    }

private:
    [[noreturn]] void fail(const char* what) const {
        throw Error(
            errc::denied,
            "line " + std::to_string(number_) + " " + what,
            {},
            "correct the file or name another one (AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE)")
            .in(file_.file_);
    }

    void take(std::string_view line) {
        const std::string_view text = stripped(line);
        if (text.starts_with('#') || text.starts_with(';'))
            return;
        if (text.empty()) {
            if (value_ != nullptr)
                ++empty_lines_; // they belong to the value if more of it follows
            return;
        }
        const std::size_t indent = line.find_first_not_of(spaces);
        if (value_ != nullptr && indent > indent_) {
            go_on(text);
            return;
        }
        indent_ = indent;
        finish_value();
        const std::size_t bracket = text.rfind(']');
        if (text.front() == '[' && bracket != std::string_view::npos && bracket > 1)
            begin_section(text.substr(1, bracket - 1));
        else
            begin_value(text);
    }

    void begin_section(std::string_view name) {
        const auto [place, added] =
            file_.places_.emplace(std::string(name), file_.sections_.size());
        if (added)
            file_.sections_.emplace_back(std::string(name), IniFile::Values());
        else if (name != defaults_name)
            fail("begins a section that the file has already");
        section_ = place->second;
    }

    void begin_value(std::string_view text) {
        if (!section_)
            fail("stands before the first [section]");
        const std::size_t delimiter = text.find_first_of("=:");
        if (delimiter == std::string_view::npos || delimiter == 0)
            fail("is neither a [section] nor a 'key = value'");
        const auto [place, added] = file_.sections_[*section_].second.emplace(
            ascii::lower(stripped(text.substr(0, delimiter))),
            stripped(text.substr(delimiter + 1)));
        if (!added)
            fail("sets a key that the section has already");
        value_ = &place->second;
        block_ = value_->empty();
    }

    void go_on(std::string_view text) {
        if (block_ && text.find('=') == std::string_view::npos)
            fail("is not a 'key = value' of the block above it");
        // made anew, since a string that grows leaves its old memory as it was
        std::string joined;
        joined.reserve(value_->size() + empty_lines_ + 1 + text.size());
        joined.append(*value_).append(empty_lines_ + 1, '\n').append(text);
        empty_lines_ = 0;
        value_->swap(joined);
        wipe(joined);
    }

    void finish_value() {
        value_ = nullptr;
        empty_lines_ = 0;
    }

    IniFile& file_;
    std::size_t number_ = 0;
    std::size_t indent_ = 0;
    std::size_t empty_lines_ = 0;
    std::optional<std::size_t> section_;
    std::string* value_ = nullptr; // that may go on in the next line
    bool block_ = false;
};

IniFile::IniFile(std::string_view text, std::string file) : file_(std::move(file)) {
    if (text.size() > ini_bytes_max)
        throw Error(errc::denied, "the file is larger than 1 MiB", {}, "name the right file")
            .in(file_);
    if (!valid_utf8(text))
        throw Error(errc::denied, "the file is not UTF-8", {}, "save it as UTF-8").in(file_);
    IniReader(*this, text);
}

IniFile::~IniFile() {
    for (auto& [name, values] : sections_)
        for (auto& [key, value] : values)
            wipe(value);
}

bool IniFile::has(std::string_view section) const {
    return section != defaults_name && places_.find(section) != places_.end();
}

std::vector<std::string_view> IniFile::sections() const {
    std::vector<std::string_view> names;
    for (const auto& [name, values] : sections_)
        if (name != defaults_name)
            names.push_back(name);
    return names;
}

const std::string* IniFile::find(std::string_view section, std::string_view key) const {
    if (!has(section))
        return nullptr;
    for (const std::string_view name : {section, defaults_name})
        if (const auto place = places_.find(name); place != places_.end()) {
            const Values& values = sections_[place->second].second;
            if (const auto found = values.find(key); found != values.end())
                return &found->second;
        }
    return nullptr;
}

std::optional<std::string_view>
IniFile::value(std::string_view section, std::string_view key) const {
    const std::string* found = find(section, key);
    if (found == nullptr || found->starts_with('\n'))
        return {};
    return *found;
}

std::optional<std::string_view>
IniFile::nested(std::string_view section, std::string_view key, std::string_view inner) const {
    const std::string* found = find(section, key);
    if (found == nullptr || !found->starts_with('\n'))
        return {};
    std::optional<std::string_view> last;
    for (std::string_view rest = *found; !rest.empty();) {
        const std::string_view line = next_line(rest);
        const std::size_t equals = line.find('=');
        if (equals != std::string_view::npos && stripped(line.substr(0, equals)) == inner)
            last = stripped(line.substr(equals + 1));
    }
    return last;
}

} // namespace tz
