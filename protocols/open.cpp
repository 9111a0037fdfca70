#include <tz/engine/source.hpp>
#include <tz/format/error.hpp>
#include <tz/protocols/ascii.hpp>
#include <tz/protocols/file.hpp>
#include <tz/protocols/http.hpp>
#include <tz/protocols/open.hpp>
#include <tz/protocols/s3.hpp>
#include <tz/protocols/url.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

namespace tz {

namespace {

constexpr std::string_view mark = "://";

/// In lower case; empty where `uri` is a path.
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

std::string path_of(std::string_view rest) {
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

} // namespace

std::shared_ptr<Source>
open(const std::string& uri, const NetworkOptions& network, Direct direct, Log log) {
    const std::string scheme = scheme_of(uri);
    if (scheme.empty())
        return open_file(uri, direct);
    const std::string_view rest = std::string_view(uri).substr(scheme.size() + mark.size());
    if (scheme == "file")
        return open_file(path_of(rest), direct);
    if (scheme == "http" || scheme == "https")
        return open_http(uri, network, std::move(log));
    if (scheme == "s3")
        return open_s3("s3://" + std::string(rest), network, std::move(log));
    throw Error(
        errc::usage,
        printable(scheme) + ":// is not supported",
        {},
        "give a path, or a URL that begins with file://, http://, https:// or s3://");
}

} // namespace tz
