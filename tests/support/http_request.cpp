// Requests, and pieces of bodies.
#include <tz/tests/support/http_reply.hpp>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <strings.h>

namespace tz::test {

namespace {

std::string trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == text.npos)
        return "";
    return std::string(text.substr(first, text.find_last_not_of(" \t") + 1 - first));
}

bool same_name(std::string_view a, std::string_view b) {
    return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

// A proxy is asked for whole URLs.
std::string_view without_origin(std::string_view target) {
    const auto scheme = target.find("://");
    if (target.starts_with('/') || scheme == target.npos)
        return target;
    const auto path = target.find('/', scheme + 3);
    return path == target.npos ? "/" : target.substr(path);
}

} // namespace

std::string Request::field(std::string_view name) const {
    for (const auto& [key, value] : fields)
        if (same_name(key, name))
            return value;
    return "";
}

std::string Request::parameter(std::string_view name) const {
    for (std::size_t at = 0; at < query.size();) {
        const std::size_t end = std::min(query.find('&', at), query.size());
        const std::string_view pair = std::string_view(query).substr(at, end - at);
        const std::size_t equals = std::min(pair.find('='), pair.size());
        if (pair.substr(0, equals) == name)
            return std::string(pair.substr(std::min(equals + 1, pair.size())));
        at = end + 1;
    }
    return "";
}

std::optional<Request> parse_request(std::string_view head) {
    Request request;
    const std::size_t line_end = head.find("\r\n");
    const std::string_view line = head.substr(0, line_end);
    const std::size_t first = line.find(' ');
    const std::size_t second = line.rfind(' ');
    if (line_end == head.npos || first == line.npos || second == first)
        return {};
    request.method = line.substr(0, first);
    request.target = line.substr(first + 1, second - first - 1);
    request.version = line.substr(second + 1);
    if (!request.version.starts_with("HTTP/1."))
        return {};
    const std::string_view local = without_origin(request.target);
    const std::size_t mark = std::min(local.find('?'), local.size());
    request.path = local.substr(0, mark);
    request.query = local.substr(std::min(mark + 1, local.size()));
    for (std::size_t at = line_end + 2; at < head.size();) {
        const std::size_t end = std::min(head.find("\r\n", at), head.size());
        const std::string_view field = head.substr(at, end - at);
        at = end + 2;
        if (field.empty())
            break;
        const std::size_t colon = field.find(':');
        if (colon == field.npos)
            return {};
        request.fields.emplace_back(field.substr(0, colon), trimmed(field.substr(colon + 1)));
    }
    return request;
}

void Body::add(Piece piece) {
    if (piece.bytes == 0)
        return;
    ends_.push_back(size() + piece.bytes);
    pieces_.push_back(std::move(piece));
}

void Body::add(std::string text) {
    const std::uint64_t bytes = text.size();
    add(Piece{std::move(text), nullptr, 0, bytes});
}

void Body::add(std::shared_ptr<const Object> object, std::uint64_t offset, std::uint64_t bytes) {
    assert(offset <= object->bytes && bytes <= object->bytes - offset);
    add(Piece{"", std::move(object), offset, bytes});
}

void Body::add(const Body& other) {
    for (const Piece& piece : other.pieces_)
        add(piece);
}

Body Body::part(std::uint64_t offset, std::uint64_t bytes) const {
    Body cut;
    auto end = std::ranges::upper_bound(ends_, offset);
    while (bytes > 0 && end != ends_.end()) {
        const Piece& piece = pieces_[static_cast<std::size_t>(end - ends_.begin())];
        const std::uint64_t skip = offset - (*end - piece.bytes);
        const std::uint64_t count = std::min(piece.bytes - skip, bytes);
        if (piece.object)
            cut.add(piece.object, piece.offset + skip, count);
        else // no more than is asked for: bodies are cut into thousands of chunks
            cut.add(piece.text.substr(piece.offset + skip, count));
        offset += count;
        bytes -= count;
        ++end;
    }
    return cut;
}

void Body::read(std::uint64_t offset, std::span<std::byte> to) const {
    assert(offset <= size() && to.size() <= size() - offset);
    auto end = std::ranges::upper_bound(ends_, offset);
    while (!to.empty()) {
        const Piece& piece = pieces_[static_cast<std::size_t>(end - ends_.begin())];
        const std::uint64_t skip = offset - (*end - piece.bytes);
        const std::size_t count = std::min<std::uint64_t>(piece.bytes - skip, to.size());
        if (piece.object)
            piece.object->read(piece.offset + skip, to.first(count));
        else
            std::memcpy(to.data(), piece.text.data() + piece.offset + skip, count);
        offset += count;
        to = to.subspan(count);
        ++end;
    }
}

} // namespace tz::test
