// Objects behind http and https URLs as Sources.
#pragma once

#include <tz/engine/options.hpp>
#include <tz/protocols/network.hpp>

#include <memory>
#include <string>

namespace tz {

class Source;

/// Asks nothing yet: a load does. A user and a password in the URL go to its origin alone, and over
/// plain http only to this machine or with `allow_http`. Throws `tz::Error` (errc::usage).
std::shared_ptr<Source>
open_http(const std::string& url, const NetworkOptions& network = {}, Log log = {});

} // namespace tz
