#include <tz/format/error.hpp>
#include <tz/protocols/address.hpp>
#include <tz/protocols/ascii.hpp>
#include <tz/protocols/url.hpp>

#include <algorithm>

namespace tz {

namespace {

constexpr std::string_view mark = "://";

} // namespace

std::string scheme_of(std::string_view uri) {
    const std::size_t end = uri.find(mark);
    if (end == uri.npos || end == 0 || !ascii::is_alpha(uri.front()))
        return {};
    const std::string_view scheme = uri.substr(0, end);
    const bool fits = std::ranges::all_of(scheme, [](char c) {
        return ascii::is_alpha(c) || ascii::is_digit(c) || c == '+' || c == '-' || c == '.';
    });
    return fits ? ascii::lower(scheme) : std::string();
}

std::string path_of_file_url(std::string_view url) {
    std::string_view rest = url.substr(url.find(mark) + mark.size());
    constexpr std::string_view here = "localhost/";
    if (ascii::lower(rest.substr(0, here.size())) == here)
        rest.remove_prefix(here.size() - 1);
    if (!rest.starts_with('/'))
        throw Error(
            errc::usage,
            "the file:// URL names another machine, or no absolute path",
            {},
            "write file:///path, or the path alone");
    std::string path = percent_decode(rest);
    if (path.find('\0') != std::string::npos)
        throw Error(errc::usage, "the file:// URL holds a zero byte", {}, "check the URL");
    return path;
}

} // namespace tz
