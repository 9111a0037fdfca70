// Whether a redirect is followed, and with what: at most a few, never from https to http, never
// from a public server to this machine or its link, and with nothing secret to another origin.
// Pure.
#pragma once

#include <tz/protocols/url.hpp>

#include <string_view>

namespace tz {

/// The request that an answer came to.
struct Redirected {
    const Url& current;
    const Url& first;           ///< the one that the caller named
    unsigned followed = 0;      ///< how many redirects lie between the two
    unsigned redirects_max = 5; ///< `NetworkOptions::redirects_max`
};

struct Redirect {
    Url url;
    /// Seen from `current`: credentials and the caller's own headers stay behind, for good. Range
    /// and If-Match go along.
    bool origin_changed = false;
};

/// 301, 302, 303, 307 and 308; the others of 3xx lead nowhere (304) or ask for something else.
bool is_redirect(unsigned status);

/// Where to ask instead. `location` is the Location header, empty where there was none. Throws
/// `tz::Error`: errc::transport for what the server got wrong and for too many, errc::denied for
/// where we don't let it lead us. Names are judged by their look only: see `is_private_address`.
Redirect follow_redirect(const Redirected& from, unsigned status, std::string_view location);

} // namespace tz
