// A request as it goes over the wire. Pure.
#pragma once

#include <string>
#include <string_view>

namespace tz {

struct HttpRequest;
struct Peer;

/// All but its payload. Throws `tz::Error` (errc::usage) where a method, target or header holds what would end it.
std::string request_text(const HttpRequest& request, const Peer& peer);

/// The value of Authorization or Proxy-Authorization for "user:password". A secret.
std::string basic_authorization(const std::string& userinfo);

/// The method does no harm when a request is made twice.
bool repeatable(std::string_view method);

} // namespace tz
