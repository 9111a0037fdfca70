#include "proxy.hpp"

#include "ascii.hpp"
#include "ip_address.hpp"
#include <tz/format/error.hpp>

#include <algorithm>
#include <charconv>

namespace tz {

namespace {

// Where curl looks for a proxy whose port isn't given.
constexpr std::uint16_t usual_port = 1080;

struct Named {
    std::string value;
    std::string origin; ///< for error texts
};

/// The first variable that is set; an empty one counts as unset.
std::optional<Named>
first_of(const Environment& environment, std::initializer_list<const char*> names) {
    for (const char* name : names)
        if (auto value = environment(name); value && !value->empty())
            return Named{std::move(*value), name};
    return {};
}

std::optional<Named>
proxy_text(bool tls, const std::optional<std::string>& configured, const Environment& environment) {
    if (configured)
        return configured->empty() ? std::nullopt
                                   : std::optional(Named{*configured, "the proxy option"});
    if (tls)
        return first_of(environment, {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"});
    return first_of(environment, {"http_proxy", "all_proxy", "ALL_PROXY"});
}

std::string_view without_last_dot(std::string_view name) {
    return name.ends_with('.') ? name.substr(0, name.size() - 1) : name;
}

bool fits_name(std::string_view host, std::string_view entry) {
    entry = without_last_dot(entry);
    if (entry.starts_with('.'))
        entry.remove_prefix(1);
    if (entry.empty() || !host.ends_with(entry))
        return false;
    return host.size() == entry.size() || host[host.size() - entry.size() - 1] == '.';
}

/// "192.0.2.1" or "192.0.2.0/24"
bool fits_address(const IpAddress& address, std::string_view entry) {
    const std::size_t slash = entry.find('/');
    const auto network = IpAddress::parse(std::string(entry.substr(0, slash)));
    if (!network || network->bytes().size() != address.bytes().size())
        return false;
    unsigned bits = 8 * network->bytes().size();
    if (slash != entry.npos) {
        const std::string_view number = entry.substr(slash + 1);
        const unsigned bits_max = bits;
        const auto [end, error] = std::from_chars(number.begin(), number.end(), bits);
        if (error != std::errc() || end != number.end() || bits > bits_max)
            return false;
    }
    return starts_alike(address.bytes(), network->bytes(), bits);
}

/// The port that `rest`, a URL without its scheme, gives; each scheme would stand in its own.
bool gives_port(const std::string& rest) {
    return parse_url("http://" + rest).port != 80 || parse_url("https://" + rest).port != 443;
}

Url parse_proxy(const Named& text) {
    const std::size_t end = text.value.find("://");
    const std::string scheme =
        end == text.value.npos ? "http" : ascii::lower(std::string_view(text.value).substr(0, end));
    const std::string rest = end == text.value.npos ? text.value : text.value.substr(end + 3);
    if (scheme == "https")
        throw Error(
            errc::usage,
            text.origin + " names a proxy that is itself asked over TLS, which isn't supported",
            {},
            "use its http:// address; https URLs stay encrypted through it");
    if (scheme.starts_with("socks"))
        throw Error(
            errc::usage,
            text.origin + " names a SOCKS proxy, which isn't supported",
            {},
            "use an http:// proxy, or none for this host by no_proxy");
    try {
        if (scheme != "http")
            throw Error(errc::usage, "another scheme");
        Url proxy = parse_url("http://" + rest);
        if (!gives_port(rest))
            proxy.port = usual_port;
        proxy.path = "/";
        proxy.query.clear();
        proxy.has_query = false;
        return proxy;
    } catch (const Error&) {
        throw Error(
            errc::usage,
            text.origin + " names no proxy that can be used",
            {},
            "proxies are written http://HOST:PORT");
    }
}

} // namespace

bool bypasses_proxy(const std::string& host, const std::string& no_proxy) {
    if (no_proxy == "*")
        return true;
    const auto address = IpAddress::parse(host);
    const std::string name = ascii::lower(without_last_dot(host));
    constexpr std::string_view separators = ", \t";
    for (std::string_view rest = no_proxy; !rest.empty();) {
        const std::size_t end = std::min(rest.find_first_of(separators), rest.size());
        const std::string entry = ascii::lower(rest.substr(0, end));
        if (address ? fits_address(*address, entry) : fits_name(name, entry))
            return true;
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return false;
}

std::optional<Url> proxy_for(
    const Url& target,
    const std::optional<std::string>& configured,
    const Environment& environment) {
    const auto text = proxy_text(target.tls, configured, environment);
    if (!text || reach_of_host(target.host) != Reach::anywhere)
        return {};
    const auto no_proxy = first_of(environment, {"no_proxy", "NO_PROXY"});
    if (no_proxy && bypasses_proxy(target.host, no_proxy->value))
        return {};
    return parse_proxy(*text);
}

} // namespace tz
