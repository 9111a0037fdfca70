#include <tz/protocols/identity.hpp>

#include <algorithm>
#include <span>

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

int base64_digit(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/// Fills `to`; false where `text` isn't exactly as many bytes in canonical base64.
bool decode_base64(std::string_view text, std::span<std::byte> to) {
    if (text.size() != (to.size() + 2) / 3 * 4)
        return false;
    const std::size_t padding = (3 - to.size() % 3) % 3;
    if (!text.ends_with(std::string_view("==").substr(0, padding)))
        return false;
    text.remove_suffix(padding);
    unsigned bits = 0;
    unsigned count = 0;
    std::size_t done = 0;
    for (const char c : text) {
        const int digit = base64_digit(c);
        if (digit < 0)
            return false;
        bits = (bits << 6 | static_cast<unsigned>(digit)) & 0xffff;
        count += 6;
        if (count >= 8) {
            count -= 8;
            to[done++] = static_cast<std::byte>(bits >> count);
        }
    }
    return (bits & ((1u << count) - 1)) == 0; // else two texts would mean the same bytes
}

template <typename Unsigned>
Unsigned big_endian(std::span<const std::byte> bytes) {
    Unsigned value = 0;
    for (const std::byte byte : bytes)
        value = static_cast<Unsigned>(value << 8) | std::to_integer<Unsigned>(byte);
    return value;
}

/// Reads headers of checksums, and notes those that are of parts.
class ChecksumHeaders {
public:
    explicit ChecksumHeaders(const HeaderLookup& header)
        : header_(header),
          composite_(header("x-amz-checksum-type") == "COMPOSITE") {}

    template <std::size_t Bytes>
    std::optional<std::array<std::byte, Bytes>> read(const char* name) {
        const auto text = header_(name);
        if (!text)
            return {};
        if (composite_ || text->find('-') != text->npos) { // no digit of base64
            seen_composite_ = true;
            return {};
        }
        std::array<std::byte, Bytes> value;
        if (!decode_base64(*text, value))
            return {};
        return value;
    }

    template <typename Unsigned>
    std::optional<Unsigned> number(const char* name) {
        const auto value = read<sizeof(Unsigned)>(name);
        if (!value)
            return {};
        return big_endian<Unsigned>(*value);
    }

    bool seen_composite() const { return seen_composite_; }

private:
    const HeaderLookup& header_;
    bool composite_;
    bool seen_composite_ = false;
};

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

Checksums checksums_of(const HeaderLookup& header) {
    ChecksumHeaders headers(header);
    Checksums sums;
    sums.crc32 = headers.number<std::uint32_t>("x-amz-checksum-crc32");
    sums.crc32c = headers.number<std::uint32_t>("x-amz-checksum-crc32c");
    sums.crc64nvme = headers.number<std::uint64_t>("x-amz-checksum-crc64nvme");
    sums.sha256 = headers.read<32>("x-amz-checksum-sha256");
    sums.composite = headers.seen_composite();
    return sums;
}

} // namespace tz
