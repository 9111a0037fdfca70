// The file beside a file that holds its manifest.
#pragma once

#include <tz/protocols/open.hpp>

#include <memory>
#include <string>

namespace tz {

/// `address` with ".manifest" at the end of its path. A query of http and https stays behind it, as
/// access may hang on it; the version that an S3 address names is of the file alone. Pure.
std::string sidecar_address(const std::string& address);

/// The sidecar of `address`; null where it is on this machine and there is none. Throws what open()
/// throws.
std::shared_ptr<Source> open_sidecar(
    const std::string& address,
    const NetworkOptions& network = {},
    Direct direct = Direct::automatic,
    Log log = {});

} // namespace tz
