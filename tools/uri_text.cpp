#include <tz/format/error.hpp>
#include <tz/protocols/s3_address.hpp>
#include <tz/protocols/url.hpp>
#include <tz/tools/uri_text.hpp>

#include <algorithm>
#include <cctype>

namespace tz::cli {

namespace {

// Most bytes of a name that Linux's filesystems take.
constexpr std::size_t name_bytes_max = 255;

constexpr std::string_view scheme_end = "://";

// In lower case; empty for a path.
std::string scheme_of(std::string_view text) {
    const auto end = text.find(scheme_end);
    if (end == text.npos || text.find('/') < end)
        return {};
    std::string scheme(text.substr(0, end));
    std::transform(scheme.begin(), scheme.end(), scheme.begin(), [](unsigned char c) {
        return static_cast<char>(std::tolower(c));
    });
    return scheme;
}

std::string path_of(const std::string& uri) {
    const std::string scheme = scheme_of(uri);
    if (scheme == "http" || scheme == "https")
        return parse_url(uri).path;
    if (scheme == "s3")
        return parse_s3_uri(uri).key;
    return scheme.empty() ? uri : uri.substr(scheme.size() + scheme_end.size());
}

bool names_a_file(const std::string& name) {
    const auto control = [](unsigned char c) { return c < ' ' || c == 0x7f; };
    return !name.empty() && name != "." && name != ".." && name.find('/') == name.npos &&
           name.size() <= name_bytes_max && std::none_of(name.begin(), name.end(), control);
}

} // namespace

std::string without_secrets(std::string_view typed) {
    const auto scheme = typed.find(scheme_end);
    if (scheme == typed.npos)
        return std::string(typed);
    const auto authority = scheme + scheme_end.size();
    const auto query = std::min(typed.find_first_of("?#", authority), typed.size());
    const auto path = std::min(typed.find('/', authority), query);
    // a password may hold what it must not
    const auto at = typed.substr(0, query).rfind('@', path);
    std::string shown(typed.substr(0, authority));
    shown += typed.substr(at == typed.npos || at < authority ? authority : at + 1);
    shown.resize(shown.size() - (typed.size() - query));
    return shown + (query < typed.size() ? "?..." : "");
}

std::string without_secrets(std::string text, std::span<char* const> arguments) {
    for (const std::string_view argument : arguments) {
        const std::string shown = without_secrets(argument);
        if (shown == argument)
            continue;
        for (auto at = text.find(argument); at != text.npos;
             at = text.find(argument, at + shown.size()))
            text.replace(at, argument.size(), shown);
    }
    return text;
}

std::string file_name_of(const std::string& uri) {
    const std::string path = path_of(uri);
    const std::string scheme = scheme_of(uri);
    std::string name = path.substr(path.rfind('/') + 1);
    if (scheme == "http" || scheme == "https" || scheme == "file")
        name = percent_decode(name);
    if (!names_a_file(name))
        throw Error(
            errc::usage,
            "its last part is not the name of a file",
            {},
            "give the file to write, not a folder")
            .in(without_secrets(uri));
    return name;
}

} // namespace tz::cli
