// Which version of an object an answer belongs to, and how later requests ask for that one. Pure.
#pragma once

#include <tz/protocols/http_date.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tz {

/// The value of an answer's header, by its name in lower case. Nothing where there is none.
using HeaderLookup = std::function<std::optional<std::string_view>(std::string_view name)>;

/// What one version of an object has that others don't. From the first answer; immutable then.
struct Identity {
    std::string version_id{}; ///< empty where the bucket keeps no versions
    std::string etag{};       ///< as it was sent, with quotes and W/
    bool strong = false;      ///< the ETag changes with every byte and may be asked for
    std::string modified{};   ///< Last-Modified, as it was sent
    std::uint64_t bytes = 0;

    bool operator==(const Identity&) const = default;
};

/// `bytes` is the object's length, by Content-Range or Content-Length.
Identity identity_of(const HeaderLookup& header, std::uint64_t bytes);

/// What a request carries so that only this version answers.
struct Pin {
    std::vector<std::pair<std::string, std::string>> headers;
    std::optional<std::string> version_id; ///< value of the parameter `versionId`, not yet encoded
};

/// `versions`: may the request's query be added to? Not for presigned URLs nor servers that aren't
/// S3. `now` for dates with two-digit years.
Pin pin_to(const Identity& identity, bool versions, HttpTime now);

/// To be logged once for a source that nothing reliable identifies; else empty.
std::string identity_warning(const Identity& identity);

/// What `later` has that is another version's, as "its ETag"; nothing where they are the same. No
/// value that a server sent is repeated but lengths.
std::optional<std::string> difference(const Identity& first, const Identity& later);

} // namespace tz
