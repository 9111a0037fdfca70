#include <tz/protocols/identity.hpp>

#include <algorithm>

namespace tz {

namespace {

// Longer ones are no server's that we know of; they would be sent back with each request.
constexpr std::size_t value_bytes_max = 1024;

/// May stand in a header that we send.
bool sendable(std::string_view text) {
    return std::ranges::none_of(text, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7f;
    });
}

std::string value_of(const HeaderLookup& header, std::string_view name) {
    const auto value = header(name);
    if (!value || value->size() > value_bytes_max || !sendable(*value))
        return {};
    return std::string(*value);
}

/// "..." in quotes, with nothing inside that ends it early.
bool is_strong(std::string_view etag) {
    if (etag.size() < 2 || etag.front() != '"' || etag.back() != '"')
        return false;
    const auto inside = etag.substr(1, etag.size() - 2);
    return inside.find_first_of("\" ") == inside.npos;
}

std::string_view without_weakness(std::string_view etag) {
    if (etag.starts_with("W/"))
        etag.remove_prefix(2);
    return etag;
}

} // namespace

Identity identity_of(const HeaderLookup& header, std::uint64_t bytes) {
    Identity identity;
    identity.version_id = value_of(header, "x-amz-version-id");
    if (identity.version_id == "null") // a version that the next write replaces
        identity.version_id.clear();
    identity.etag = value_of(header, "etag");
    identity.strong = is_strong(identity.etag);
    identity.modified = value_of(header, "last-modified");
    identity.bytes = bytes;
    return identity;
}

Pin pin_to(const Identity& identity, bool versions, HttpTime now) {
    Pin pin;
    if (versions && !identity.version_id.empty())
        pin.version_id = identity.version_id;
    else if (identity.strong)
        pin.headers.emplace_back("If-Match", identity.etag);
    else if (const auto modified = parse_http_date(identity.modified, now))
        pin.headers.emplace_back("If-Unmodified-Since", http_date(*modified));
    return pin;
}

std::string identity_warning(const Identity& identity) {
    if (!identity.version_id.empty() || identity.strong)
        return {};
    const std::string missing =
        identity.etag.empty() ? "the server sends no ETag" : "the server's ETag is a weak one";
    if (identity.modified.empty())
        return missing + " and no Last-Modified: that the object is replaced during a load is "
                         "noticed only where its length changes";
    return missing + ": that the object is replaced during a load is noticed only by its time of "
                     "change, in seconds, and its length";
}

std::optional<std::string> difference(const Identity& first, const Identity& later) {
    if (first.bytes != later.bytes)
        return "its length: " + std::to_string(later.bytes) + " bytes instead of " +
               std::to_string(first.bytes);
    const bool versions = !first.version_id.empty() && !later.version_id.empty();
    if (versions && first.version_id != later.version_id)
        return "its version id";
    if (!first.etag.empty() && !later.etag.empty()) {
        // proxies weaken ETags; the part in quotes stays
        if (without_weakness(first.etag) != without_weakness(later.etag))
            return "its ETag";
        if (first.strong)
            return {};
    }
    if (versions)
        return {};
    if (first.modified != later.modified)
        return "its time of change";
    // An answer without the ETag that the first one had may come from anywhere.
    if (first.strong && later.etag.empty() && first.modified.empty())
        return "its ETag, which is missing";
    return {};
}

} // namespace tz
