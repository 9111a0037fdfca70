// What is answered. How it is framed: http_framing.cpp.
#include "http_draft.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace tz::test {

namespace {

using Kind = FaultKind;

struct Range {
    std::uint64_t first = 0;
    std::uint64_t last = 0; ///< of the bytes, not behind it

    std::uint64_t bytes() const { return last - first + 1; }
};

enum class Asked { all, part, nothing };

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc() || end != text.data() + text.size())
        return {};
    return value;
}

// A list of ranges, and what is no range, count as none.
Asked parse_range(std::string_view text, std::uint64_t bytes, Range& range) {
    constexpr std::string_view unit = "bytes=";
    const std::size_t dash = text.find('-');
    if (!text.starts_with(unit) || dash == text.npos)
        return Asked::all;
    const auto first = number(text.substr(unit.size(), dash - unit.size()));
    const auto last = number(text.substr(dash + 1));
    if (dash == unit.size()) {
        if (!last)
            return Asked::all;
        if (*last == 0 || bytes == 0)
            return Asked::nothing;
        range = {bytes - std::min(*last, bytes), bytes - 1};
        return Asked::part;
    }
    if (!first || (!last && dash + 1 != text.size()) || (last && *last < *first))
        return Asked::all;
    if (*first >= bytes)
        return Asked::nothing;
    range = {*first, std::min(last.value_or(bytes - 1), bytes - 1)};
    return Asked::part;
}

bool matches(std::string_view list, const std::string& etag) {
    return list == "*" || (!etag.empty() && list.find(etag) != list.npos);
}

// 412 or 304, or 0 if all conditions hold.
int failed_condition(const Request& request, const Object& object) {
    const std::string if_match = request.if_match();
    if (!if_match.empty() && !matches(if_match, object.etag))
        return 412;
    const auto unmodified = parse_http_date(request.field("If-Unmodified-Since"));
    if (if_match.empty() && unmodified && object.modified > *unmodified)
        return 412;
    const std::string none_match = request.field("If-None-Match");
    if (!none_match.empty() && matches(none_match, object.etag))
        return 304;
    const auto modified = parse_http_date(request.field("If-Modified-Since"));
    if (none_match.empty() && modified && object.modified <= *modified)
        return 304;
    return 0;
}

void describe(Draft& draft, const Request& request, const Object& object, const Faults& faults) {
    if (find(faults, Kind::weak_etag) != nullptr)
        draft.set("ETag", "W/" + object.etag);
    else if (find(faults, Kind::new_etag) != nullptr)
        draft.set("ETag", "\"" + std::to_string(request.number) + "-" + object.etag.substr(1));
    else if (find(faults, Kind::no_etag) == nullptr)
        draft.set("ETag", object.etag);
    if (find(faults, Kind::no_last_modified) == nullptr)
        draft.set("Last-Modified", http_date(object.modified));
    if (!object.version_id.empty())
        draft.set("x-amz-version-id", object.version_id);
    const bool none = find(faults, Kind::no_accept_ranges) != nullptr;
    draft.set("Accept-Ranges", none ? "none" : "bytes");
    draft.set("Content-Type", object.content_type);
    for (const auto& [name, value] : object.fields)
        draft.set(name, value);
}

std::int64_t amount(const Faults& faults, Kind kind) {
    const Fault* fault = find(faults, kind);
    return fault == nullptr ? 0 : fault->amount;
}

// The range that is answered. Where there are no bytes to move to, it moves the other way.
Range answered(Range range, std::uint64_t bytes, const Faults& faults) {
    const auto shift = static_cast<std::uint64_t>(amount(faults, Kind::other_range));
    if (shift != 0 && range.last + shift < bytes) {
        range = {range.first + shift, range.last + shift};
    } else if (shift != 0) {
        const std::uint64_t down = std::min(shift, range.first);
        range = {range.first - down, range.last - down};
    }
    const auto less = static_cast<std::uint64_t>(amount(faults, Kind::shorter_range));
    range.last -= std::min(less, range.last - range.first);
    const auto more = static_cast<std::uint64_t>(amount(faults, Kind::longer_range));
    if (range.last + more < bytes)
        range.last += more;
    else
        range.first -= std::min(more, range.first);
    return range;
}

std::string content_range(const Range& range, std::uint64_t bytes, const Faults& faults) {
    const auto moved = [&](std::uint64_t value, Kind kind) {
        return std::to_string(value + static_cast<std::uint64_t>(amount(faults, kind)));
    };
    return "bytes " + moved(range.first, Kind::wrong_start) + "-" +
           moved(range.last, Kind::wrong_end) + "/" +
           (find(faults, Kind::unknown_total) != nullptr ? "*" : moved(bytes, Kind::wrong_total));
}

// A range of the object, that another may take the place of on the way.
Body content(const Found& found, const Range& range, const Faults& faults) {
    Body body;
    const auto object = std::make_shared<const Object>(*found.object);
    const Fault* inside = find(faults, Kind::replace_inside);
    std::uint64_t old = range.bytes();
    if (inside != nullptr && found.next && found.next->bytes == object->bytes)
        old = std::min(inside->at, old);
    body.add(object, range.first, old);
    if (old < range.bytes()) {
        const auto next = std::make_shared<const Object>(*found.next);
        body.add(next, range.first + old, range.bytes() - old);
    }
    return body;
}

void as_multipart(Draft& draft, const std::string& content_range) {
    const std::string type = draft.get("Content-Type");
    Body parts;
    parts.add(
        "\r\n--cut-here\r\nContent-Type: " + type + "\r\nContent-Range: " + content_range +
        "\r\n\r\n");
    parts.add(draft.body);
    parts.add("\r\n--cut-here--\r\n");
    draft.body = std::move(parts);
    draft.set("Content-Type", "multipart/byteranges; boundary=cut-here");
}

Draft not_satisfiable(const Request& request, const Object& object, const Faults& faults) {
    Draft draft = s3_draft(request, 416, "InvalidRange");
    if (find(faults, Kind::not_satisfiable_bare) == nullptr)
        draft.set("Content-Range", "bytes */" + std::to_string(object.bytes));
    return draft;
}

Draft object_draft(const Request& request, const Found& found, const Faults& faults) {
    const Object& object = *found.object;
    if (find(faults, Kind::ignore_if_match) == nullptr)
        if (const int status = failed_condition(request, object)) {
            Draft draft = s3_draft(request, status, "PreconditionFailed");
            describe(draft, request, object, faults);
            draft.set("Content-Type", "application/xml");
            return draft;
        }
    Range range{0, object.bytes - 1};
    Asked asked = parse_range(request.range(), object.bytes, range);
    const std::string if_range = request.field("If-Range");
    const bool other = !if_range.empty() && if_range != object.etag;
    if (other || find(faults, Kind::ignore_range) || find(faults, Kind::no_accept_ranges))
        asked = Asked::all;
    if (find(faults, Kind::not_satisfiable) || find(faults, Kind::not_satisfiable_bare))
        asked = Asked::nothing;
    if (asked == Asked::nothing)
        return not_satisfiable(request, object, faults);

    Draft draft;
    draft.status = 200;
    describe(draft, request, object, faults);
    if (asked == Asked::all) {
        if (request.field("x-amz-checksum-mode") == "ENABLED")
            for (const auto& [name, value] : object.checksums)
                draft.set(name, value);
        if (object.bytes > 0)
            draft.body = content(found, Range{0, object.bytes - 1}, faults);
        return draft;
    }
    range = answered(range, object.bytes, faults);
    draft.body = content(found, range, faults);
    if (find(faults, Kind::ok_with_content_range) == nullptr)
        draft.status = 206;
    const std::string field = content_range(range, object.bytes, faults);
    if (find(faults, Kind::multipart) != nullptr)
        as_multipart(draft, field);
    else if (find(faults, Kind::no_content_range) == nullptr)
        draft.set("Content-Range", field);
    return draft;
}

Draft page_draft(const Page& page) {
    Draft draft;
    draft.status = page.status;
    draft.body.add(page.body);
    draft.fields = page.fields;
    return draft;
}

Draft connect_draft(const Request& request, std::uint16_t port) {
    if (port == 0)
        return s3_draft(request, 502, "BadGateway");
    Draft draft;
    draft.status = 200;
    return draft;
}

Draft draft_of(const Request& request, const Found& found, const Faults& faults) {
    if (auto draft = status_draft(request, faults))
        return std::move(*draft);
    if (request.method == "CONNECT")
        return connect_draft(request, found.tunnel);
    if (found.page)
        return page_draft(*found.page);
    if (request.method != "GET" && request.method != "HEAD")
        return s3_draft(request, 405, "MethodNotAllowed");
    if (!found.object)
        return s3_draft(
            request, 404, request.parameter("versionId").empty() ? "NoSuchKey" : "NoSuchVersion");
    return object_draft(request, found, faults);
}

} // namespace

Reply reply_to(const Request& request, const Found& found, const Faults& faults) {
    return framed(draft_of(request, found, faults), request, faults);
}

Reply denial(const Request& request, const std::string& s3_code) {
    return framed(s3_draft(request, 403, s3_code), request, {});
}

} // namespace tz::test
