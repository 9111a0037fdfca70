// The lines of `tz checksum`, as sha256sum writes them. Pure.
#pragma once

#include <tz/format/tensorizer.hpp>

#include <string>
#include <string_view>

namespace tz::cli {

/// "HEX  NAME" and a line end. A name with a backslash or a line end in it has those written as \\,
/// \n and \r, and a backslash before the line says so.
std::string checksum_line(const format::Sha256& digest, std::string_view name);

} // namespace tz::cli
