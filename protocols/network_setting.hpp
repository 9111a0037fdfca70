// Network options as names and texts, for other languages.
#pragma once

#include <tz/protocols/network.hpp>

#include <string_view>

namespace tz {

/// Sets the option that is called `name`; <tz/tz.h> lists them, with what `value` may be. The value
/// may be a secret. Throws `tz::Error` (errc::usage).
void set_network_option(NetworkOptions& options, std::string_view name, std::string_view value);

} // namespace tz
