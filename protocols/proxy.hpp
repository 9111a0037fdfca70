// Which proxy a URL is asked through, by curl's rules. Pure.
#pragma once

#include <tz/protocols/url.hpp>

#include <functional>
#include <optional>
#include <string>

namespace tz {

/// The value of an environment variable.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// The proxy, its credentials in `userinfo`; nothing to connect directly. `configured` is
/// `TransportOptions::proxy`. The proxy of a variable is as curl has it:
/// - http_proxy, in lower case only: servers pass a client's "Proxy:" header to programs as
///   HTTP_PROXY; else https_proxy or HTTPS_PROXY; without these all_proxy or ALL_PROXY
/// - no scheme is http, no port is 1080
/// - no_proxy or NO_PROXY goes for a configured one too
///
/// Loopback, link-local and metadata addresses are always asked directly. Throws `tz::Error`
/// (errc::usage), which holds no credentials, for a proxy that is to be used and can't.
std::optional<Url> proxy_for(
    const Url& target,
    const std::optional<std::string>& configured,
    const Environment& environment);

/// Whether `no_proxy` lists `host` (as in `Url`). Entries are separated by commas or blanks:
/// a name fits itself and what ends with it after a dot, with or without a dot before it; an
/// address or network ("192.0.2.0/24", "2001:db8::/32") fits addresses in it; "*" alone fits all.
/// Ports have no part in it: an entry that has one fits nothing.
bool bypasses_proxy(const std::string& host, const std::string& no_proxy);

} // namespace tz
