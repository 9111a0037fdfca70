// Which checksum of the whole object the head of an answer has. Pure.
#pragma once

#include <tz/format/checksum.hpp>
#include <tz/protocols/identity.hpp>

#include <optional>

namespace tz {

/// The one that tells most. `whole`: the answer holds the whole object, or is one to HEAD; else
/// only headers count that are of the whole object in answers to ranges too. Left out are values
/// that break their form, and checksums of parts' checksums, which can't be compared without the
/// parts. An ETag is none, not even one that looks like MD5: with encryption or several parts it
/// isn't, and nothing says so.
std::optional<format::Checksum> checksum_of(const HeaderLookup& header, bool whole);

} // namespace tz
