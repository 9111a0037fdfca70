// Our own parser, since Boost.URL can't serve: from 1.83 on it is a library to link, and it refuses
// what people and servers write (spaces, characters outside ASCII, "127.1").
#include "url.hpp"

#include "ascii.hpp"
#include "ip_address.hpp"
#include <tz/format/error.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>

namespace tz {

namespace {

using namespace ascii;

// Far above what servers take (8 KiB is usual), so that no text of megabytes is worked on.
constexpr std::size_t url_bytes_max = 64 << 10;
// RFC 1035, 2.3.4
constexpr std::size_t host_bytes_max = 253;
constexpr std::size_t label_bytes_max = 63;

constexpr std::string_view unreserved_marks = "-._~";
// RFC 3986, 3.3 and 3.4: these stand in paths and queries as they are, '?' in queries only.
constexpr std::string_view path_marks = "-._~!$&'()*+,;=:@/";
constexpr std::string_view query_marks = "-._~!$&'()*+,;=:@/?";

/// What is wrong with a text, before it is said whose fault that is.
struct Refused {
    std::string what;
    std::string hint;
};

[[noreturn]] void refuse(std::string what, std::string hint) {
    throw Refused{std::move(what), std::move(hint)};
}

int hex_value(char c) {
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool is_escape(std::string_view text) {
    return text.size() >= 3 && text[0] == '%' && hex_value(text[1]) >= 0 && hex_value(text[2]) >= 0;
}

void append_escaped(std::string& to, char c) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    to += {'%', digits[byte >> 4], digits[byte & 15]};
}

std::string decode(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            result += text[i];
            continue;
        }
        if (!is_escape(text.substr(i)))
            refuse(
                "a '%' in the URL has no two hexadecimal digits behind it",
                "a percent sign itself is written %25");
        result += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
        i += 2;
    }
    return result;
}

/// Escapes what may not stand there, a '%' without two digits too, and leaves the rest as it is.
std::string escape_illegal(std::string_view text, std::string_view marks) {
    std::string result;
    result.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool legal =
            is_alpha(c) || is_digit(c) || marks.find(c) != marks.npos || is_escape(text.substr(i));
        if (legal)
            result += c;
        else
            append_escaped(result, c);
    }
    return result;
}

std::uint16_t parse_port(std::string_view text) {
    unsigned port = 0;
    const auto [end, error] = std::from_chars(text.begin(), text.end(), port);
    if (error != std::errc() || end != text.end() || port == 0 || port > 65535)
        refuse(
            "the port in the URL isn't a number from 1 to 65535",
            "ports follow the host: HOST:PORT");
    return static_cast<std::uint16_t>(port);
}

/// Whether browsers take such a name for an IPv4 address: its last label is a number.
bool looks_like_ipv4(std::string_view host) {
    const std::string_view last = host.substr(host.rfind('.') + 1);
    return std::ranges::all_of(last, is_digit) || last.starts_with("0x");
}

/// A name in lower case, or an IPv4 address in four decimal numbers: resolvers read "127.1",
/// "0x7f000001" and "2130706433" as addresses too, so that checks must not see them as names.
std::string parse_host_name(std::string_view text) {
    std::string host = lower(text);
    if (std::ranges::any_of(host, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }))
        refuse(
            "the host in the URL has characters outside ASCII",
            "write it in its ASCII form, which begins with xn--");
    std::string_view labels = host;
    if (labels.ends_with('.'))
        labels.remove_suffix(1);
    if (labels.empty())
        refuse("the URL has no host", "URLs are written https://HOST/PATH");
    for (std::string_view rest = labels; !rest.empty();) {
        const std::size_t dot = std::min(rest.find('.'), rest.size());
        const bool legal = std::ranges::all_of(rest.substr(0, dot), [](char c) {
            return is_alpha(c) || is_digit(c) || c == '-' || c == '_';
        });
        if (!legal || dot == 0 || dot > label_bytes_max || dot + 1 == rest.size() ||
            labels.size() > host_bytes_max)
            refuse(
                "the host in the URL isn't a name or an address",
                "names have letters, digits, '-', '_' and '.'; user and password end with '@'");
        rest.remove_prefix(std::min(dot + 1, rest.size()));
    }
    if (!looks_like_ipv4(labels))
        return host;
    in_addr address{};
    std::array<char, INET_ADDRSTRLEN> shown{};
    if (::inet_aton(std::string(labels).c_str(), &address) == 0)
        refuse("the host in the URL isn't an IPv4 address", "they are written like 192.0.2.1");
    return ::inet_ntop(AF_INET, &address, shown.data(), shown.size());
}

/// `text` begins with '['. The rest behind ']' is left in it.
std::string parse_ipv6(std::string_view& text) {
    const std::size_t end = text.find(']');
    if (end == text.npos)
        refuse("the IPv6 address in the URL has no ']'", "they are written like [2001:db8::1]");
    const std::string inside(text.substr(1, end - 1));
    text.remove_prefix(end + 1);
    if (inside.find('%') != inside.npos)
        refuse(
            "the IPv6 address in the URL names a zone",
            "addresses that need one can't be used; take another address of that host");
    const auto address = IpAddress::parse(inside);
    if (!address || address->bytes().size() != 16 || !(text.empty() || text[0] == ':'))
        refuse(
            "the URL has no IPv6 address in its brackets", "they are written like [2001:db8::1]");
    return address->text();
}

void parse_authority(std::string_view text, Url& url) {
    if (const std::size_t at = text.rfind('@'); at != text.npos) {
        url.userinfo = decode(text.substr(0, at));
        if (std::ranges::any_of(url.userinfo, is_control))
            refuse("the user or password in the URL has a control character", "remove it");
        text.remove_prefix(at + 1);
    }
    if (text.starts_with('[')) {
        url.host = parse_ipv6(text);
    } else {
        const std::size_t colon = std::min(text.find(':'), text.size());
        if (text.rfind(':') != text.npos && text.rfind(':') != colon)
            refuse(
                "the host in the URL has more than one ':'",
                "IPv6 addresses stand in brackets; '@' ends user and password");
        url.host = parse_host_name(text.substr(0, colon));
        text.remove_prefix(colon);
    }
    if (text.size() > 1)
        url.port = parse_port(text.substr(1));
}

/// Path and query, which may be missing, without a fragment.
void parse_target(std::string_view text, Url& url) {
    const std::size_t question = text.find('?');
    url.path = escape_illegal(text.substr(0, question), path_marks);
    if (url.path.empty())
        url.path = "/";
    url.has_query = question != text.npos;
    url.query =
        url.has_query ? escape_illegal(text.substr(question + 1), query_marks) : std::string();
}

/// Checks what holds for all texts and drops the fragment.
std::string_view checked(std::string_view text) {
    if (text.size() > url_bytes_max)
        refuse("the URL is longer than 64 KiB", "check that it is one URL");
    if (std::ranges::any_of(text, is_control))
        refuse("the URL has a control character", "check for line ends and tabs in it");
    return text.substr(0, text.find('#'));
}

/// "https" of "https://host"; nothing where no scheme stands before the first '/', '?'.
std::string_view scheme_of(std::string_view text) {
    const std::size_t end = std::min(text.find_first_of(":/?"), text.size());
    const std::string_view scheme = text.substr(0, end);
    const bool legal = end < text.size() && text[end] == ':' && end > 0 && is_alpha(scheme[0]) &&
                       std::ranges::all_of(scheme, [](char c) {
                           return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
                       });
    return legal ? scheme : std::string_view();
}

Url parse(std::string_view text) {
    const std::string_view scheme = scheme_of(text);
    const std::string name = lower(scheme);
    std::string_view rest = text.substr(scheme.size());
    if ((name != "http" && name != "https") || !rest.starts_with("://"))
        refuse("this is no http or https URL", "they are written https://HOST/PATH");
    rest.remove_prefix(3);
    Url url;
    url.tls = name == "https";
    url.port = url.tls ? 443 : 80;
    const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
    parse_authority(rest.substr(0, end), url);
    parse_target(rest.substr(end), url);
    return url;
}

/// RFC 3986, 5.2.4, of a path that begins with '/'.
std::string without_dot_segments(std::string_view path) {
    std::string result;
    while (!path.empty()) {
        const std::size_t end = std::min(path.find('/', 1), path.size());
        const std::string_view segment = path.substr(0, end);
        const bool last = end == path.size();
        if (segment == "/..")
            result.resize(result.rfind('/') == result.npos ? 0 : result.rfind('/'));
        else if (segment != "/.")
            result += segment;
        if (last && (segment == "/.." || segment == "/."))
            result += '/';
        path.remove_prefix(end);
    }
    return result;
}

/// A reference with a host is a URL as people write it and keeps its path; dot segments of the
/// others are resolved as RFC 3986, 5.2 says.
Url resolve_checked(const Url& base, std::string_view text) {
    const std::string scheme = lower(scheme_of(text));
    if (!scheme.empty() && scheme != "http" && scheme != "https")
        refuse("the URL has another scheme than http and https", {});
    if (!scheme.empty() || text.starts_with("//")) {
        Url url = parse(
            scheme.empty() ? (base.tls ? "https:" : "http:") + std::string(text)
                           : std::string(text));
        if (!url.userinfo.empty())
            refuse("the URL has a user or password in it", {});
        return url;
    }
    Url url = base;
    if (text.empty())
        return url;
    if (text[0] == '?') {
        parse_target(base.path + std::string(text), url);
        return url;
    }
    const std::string folder(base.path.substr(0, base.path.rfind('/') + 1));
    parse_target((text[0] == '/' ? std::string() : folder) + std::string(text), url);
    url.path = without_dot_segments(url.path);
    return url;
}

bool is_harmless(std::string_view parameter) {
    constexpr std::string_view names[] = {
        "versionid",
        "partnumber",
        "x-amz-algorithm",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-signedheaders",
        "x-goog-algorithm",
        "x-goog-date",
        "x-goog-expires",
        "x-goog-signedheaders"};
    const std::string name = lower(parameter);
    return name.starts_with("response-") || std::ranges::find(names, name) != std::end(names);
}

/// One "name=value" of a query. A name alone may be a token, so it isn't shown either.
std::string printable_parameter(std::string_view text) {
    const std::size_t equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    if (text.empty() || is_harmless(name))
        return std::string(text);
    return equals == text.npos ? "..." : std::string(name) + "=...";
}

} // namespace

std::string Url::target() const {
    return has_query ? path + '?' + query : path;
}

std::string Url::authority() const {
    std::string text = host.find(':') == host.npos ? host : '[' + host + ']';
    if (port != (tls ? 443 : 80))
        text += ':' + std::to_string(port);
    return text;
}

std::string Url::origin() const {
    return (tls ? "https://" : "http://") + authority();
}

bool Url::same_origin(const Url& other) const {
    return tls == other.tls && host == other.host && port == other.port;
}

Url parse_url(std::string_view text) {
    try {
        return parse(checked(text));
    } catch (Refused& refused) {
        throw Error(errc::usage, std::move(refused.what), {}, std::move(refused.hint));
    }
}

Url resolve(const Url& base, std::string_view location) {
    const std::size_t begin = location.find_first_not_of(" \t");
    const std::size_t end = location.find_last_not_of(" \t");
    location = begin == location.npos ? "" : location.substr(begin, end + 1 - begin);
    try {
        return resolve_checked(base, checked(location));
    } catch (const Refused& refused) {
        throw Error(
            errc::transport,
            "the server redirects to where can't be followed: " + refused.what,
            {},
            "give the URL that it should lead to");
    }
}

std::string printable(const Url& url) {
    std::string text = url.origin() + url.path;
    if (!url.has_query)
        return printable(std::string_view(text));
    text += '?';
    for (std::string_view rest = url.query; !rest.empty();) {
        const std::size_t end = std::min(rest.find_first_of("&;"), rest.size());
        text += printable_parameter(rest.substr(0, end));
        if (end < rest.size())
            text += rest[end];
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return printable(std::string_view(text));
}

std::string percent_encode(std::string_view text, bool keep_slash) {
    std::string result;
    result.reserve(text.size());
    for (const char c : text) {
        if (is_alpha(c) || is_digit(c) || unreserved_marks.find(c) != unreserved_marks.npos ||
            (keep_slash && c == '/'))
            result += c;
        else
            append_escaped(result, c);
    }
    return result;
}

std::string percent_decode(std::string_view text) {
    try {
        return decode(text);
    } catch (Refused& refused) {
        throw Error(errc::usage, std::move(refused.what), {}, std::move(refused.hint));
    }
}

} // namespace tz
