#include <tz/protocols/base64.hpp>
#include <tz/protocols/checksum_headers.hpp>

#include <boost/algorithm/string/predicate.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tz {

namespace {

using format::Checksum;
using format::ChecksumKind;

std::optional<Checksum> checksum_from(ChecksumKind kind, std::string_view base64) {
    Checksum checksum{kind, std::vector<std::byte>(format::bytes_of(kind))};
    if (!decode_base64(base64, checksum.bytes))
        return {};
    return checksum;
}

std::optional<Checksum>
value_of(const HeaderLookup& header, std::string_view name, ChecksumKind kind) {
    const auto text = header(name);
    return text ? checksum_from(kind, *text) : std::nullopt;
}

/// Of `key` in a list as "md5=..., sha-256=...", whose keys' case does not matter.
std::optional<std::string_view> listed(std::string_view list, std::string_view key) {
    while (!list.empty()) {
        const std::size_t end = std::min(list.find(','), list.size());
        std::string_view entry = list.substr(0, end);
        list.remove_prefix(std::min(end + 1, list.size()));
        while (entry.starts_with(' ') || entry.starts_with('\t'))
            entry.remove_prefix(1);
        while (entry.ends_with(' ') || entry.ends_with('\t'))
            entry.remove_suffix(1);
        if (entry.size() > key.size() && entry[key.size()] == '=' &&
            boost::iequals(entry.substr(0, key.size()), key))
            return entry.substr(key.size() + 1);
    }
    return {};
}

/// RFC 9530, and RFC 3230 before it: of the representation, whatever range of it is answered.
std::optional<Checksum> digest(const HeaderLookup& header) {
    if (const auto list = header("repr-digest"))
        if (auto value = listed(*list, "sha-256");
            value && value->size() > 2 && value->starts_with(':') && value->ends_with(':'))
            return checksum_from(ChecksumKind::sha256, value->substr(1, value->size() - 2));
    if (const auto list = header("digest"))
        if (const auto value = listed(*list, "sha-256"))
            return checksum_from(ChecksumKind::sha256, *value);
    return {};
}

/// Google's, of the object as it is stored: where that is compressed, other bytes are sent.
std::optional<Checksum> google(const HeaderLookup& header) {
    const auto list = header("x-goog-hash");
    const auto stored = header("x-goog-stored-content-encoding");
    if (!list || (stored && !boost::iequals(*stored, "identity")))
        return {};
    if (const auto value = listed(*list, "md5"))
        if (auto checksum = checksum_from(ChecksumKind::md5, *value))
            return checksum;
    const auto value = listed(*list, "crc32c");
    return value ? checksum_from(ChecksumKind::crc32c, *value) : std::nullopt;
}

/// S3's, which an answer to a range may have of a part.
std::optional<Checksum> amazon(const HeaderLookup& header) {
    if (header("x-amz-checksum-type") == "COMPOSITE")
        return {};
    static constexpr std::pair<const char*, ChecksumKind> names[] = {
        {"x-amz-checksum-sha256", ChecksumKind::sha256},
        {"x-amz-checksum-sha1", ChecksumKind::sha1},
        {"x-amz-checksum-crc64nvme", ChecksumKind::crc64nvme},
        {"x-amz-checksum-crc32c", ChecksumKind::crc32c},
        {"x-amz-checksum-crc32", ChecksumKind::crc32}};
    for (const auto& [name, kind] : names) // those of parts end with "-N", which is no base64
        if (auto checksum = value_of(header, name, kind))
            return checksum;
    return {};
}

void take_better(std::optional<Checksum>& best, std::optional<Checksum> other) {
    if (other && (!best || other->kind < best->kind))
        best = std::move(other);
}

} // namespace

std::optional<Checksum> checksum_of(const HeaderLookup& header, bool whole) {
    std::optional<Checksum> best = digest(header);
    take_better(best, google(header));
    take_better(best, value_of(header, "x-ms-blob-content-md5", ChecksumKind::md5));
    if (whole) {
        take_better(best, amazon(header));
        take_better(best, value_of(header, "content-md5", ChecksumKind::md5));
    }
    return best;
}

} // namespace tz
