// An http or https URL taken apart. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tz {

/// Text is kept as it goes over the wire: percent-encoded, nothing normalised but scheme and host,
/// since a signature or an object's key may depend on every byte.
struct Url {
    bool tls = false;
    std::string host;       ///< lower case; an IPv6 address without its brackets
    std::uint16_t port = 0; ///< the scheme's own where none was given
    std::string path = "/"; ///< begins with '/'
    std::string query;      ///< without '?'; may hold secrets
    bool has_query = false; ///< "?" alone is a query too
    std::string userinfo;   ///< "user:password", decoded; a secret

    /// What stands in the request line: path and query.
    std::string target() const;
    /// What stands in Host: the port only where it is not the scheme's own.
    std::string authority() const;
    /// "https://host:port", as authority() has it.
    std::string origin() const;
    bool same_origin(const Url& other) const;

    bool operator==(const Url&) const = default;
};

/// Throws `tz::Error` (errc::usage) that does not repeat what may be secret in `text`. A fragment
/// is dropped.
Url parse_url(std::string_view text);

/// Where a Location header leads, seen from `base`. Throws `tz::Error` (errc::transport).
Url resolve(const Url& base, std::string_view location);

/// For people and logs: no userinfo, no value of a query parameter but those known to be harmless
/// (`versionId`, `partNumber`, `response-*` ...); control characters escaped.
std::string printable(const Url& url);

/// Percent-encodes everything but unreserved characters, and '/' where `keep_slash`.
std::string percent_encode(std::string_view text, bool keep_slash);
/// Throws `tz::Error` (errc::usage) for a '%' without two hexadecimal digits.
std::string percent_decode(std::string_view text);

} // namespace tz
