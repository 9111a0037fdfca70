#include <tz/protocols/range_reply.hpp>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <limits>
#include <string>

namespace tz {

namespace {

using Verdict = std::variant<RangeBody, Refusal>;

// Lengths of files are of this many bytes at most; sums of two of them don't overflow.
constexpr std::uint64_t length_max = std::numeric_limits<std::int64_t>::max();

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool starts_with_word(std::string_view text, std::string_view word) {
    return text.size() >= word.size() &&
           std::ranges::equal(text.substr(0, word.size()), word, {}, lower);
}

bool take(std::string_view& text, char expected) {
    if (!text.starts_with(expected))
        return false;
    text.remove_prefix(1);
    return true;
}

bool take_number(std::string_view& text, std::uint64_t& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return error == std::errc() && value <= length_max;
}

std::string bytes_text(std::uint64_t first, std::uint64_t last) {
    return "bytes " + std::to_string(first) + " to " + std::to_string(last);
}

Refusal protocol(std::string reason) {
    return {
        {errc::transport,
         std::move(reason),
         "check that the server, and any proxy before it, serves ranges of files unchanged"},
        true};
}

Refusal changed(const std::string& what) {
    return {
        {errc::object_changed,
         "the object was replaced during the load: " + what + " changed",
         "load it again"},
        false};
}

/// One answer to one request, and the questions about it.
class Judge {
public:
    Judge(const RangeRequest& request, const ReplyHead& reply, std::optional<S3Code> s3)
        : request_(request),
          reply_(reply),
          s3_(s3),
          range_text_(reply.find("content-range")) {
        if (range_text_)
            range_ = parse_content_range(*range_text_);
    }

    Verdict verdict() const {
        if (reply_.status == 416)
            return unsatisfied();
        if (reply_.status != 200 && reply_.status != 206)
            return Refusal{status_problem(reply_.status, s3_), reply_.status < 300};
        if (const auto broken = broken_body())
            return *broken;
        if (reply_.status == 206 || range_text_)
            return partial();
        return whole();
    }

private:
    std::uint64_t last_asked() const { return request_.offset + request_.bytes - 1; }

    std::string asked() const { return bytes_text(request_.offset, last_asked()); }

    /// What no answer may have, whatever it answers.
    std::optional<Refusal> broken_body() const {
        const auto encoding = reply_.find("content-encoding");
        if (encoding && !encoding->empty() &&
            !(encoding->size() == 8 && starts_with_word(*encoding, "identity")))
            return protocol("the answer is encoded (Content-Encoding), which was not asked for");
        if (const auto type = reply_.find("content-type");
            type && starts_with_word(*type, "multipart/byteranges"))
            return protocol("the answer has several ranges where one was asked for");
        if (reply_.chunked)
            return protocol("the answer to a range comes in chunks, without a length");
        if (!reply_.length)
            return protocol("the answer has no Content-Length: its end could not be told from a "
                            "broken connection");
        if (*reply_.length > length_max)
            return protocol("the answer's Content-Length is no file's");
        return {};
    }

    Verdict partial() const {
        if (!range_text_)
            return protocol("the answer to a range does not say which one it is (Content-Range)");
        if (!range_ || range_->unsatisfied)
            return protocol("the answer's Content-Range can't be read");
        if (const auto other = other_range())
            return *other;
        const std::uint64_t bytes = range_->last - range_->first + 1;
        if (*reply_.length != bytes)
            return protocol(
                "the answer has " + std::to_string(*reply_.length) + " bytes for " +
                bytes_text(range_->first, range_->last));
        const auto total = range_->total ? range_->total : pinned_total();
        if (!total)
            return protocol("the answer does not say how long the object is");
        return checked({0, bytes, 0, identity_of(header_lookup(reply_), *total)});
    }

    /// The length where the answer has none but what it belongs to can be told all the same.
    std::optional<std::uint64_t> pinned_total() const {
        const Identity* pinned = request_.pinned;
        if (pinned == nullptr || range_->last >= pinned->bytes)
            return {};
        if (!pinned->strong && pinned->version_id.empty())
            return {};
        return pinned->bytes;
    }

    /// A part of what was asked for is progress if it begins where that does. More of it, or
    /// another one, comes of a cache that mixes answers up: nothing in it can be trusted. With
    /// status 200 only the range itself will do.
    std::optional<Refusal> other_range() const {
        const bool fits = range_->first == request_.offset && range_->last <= last_asked();
        const bool at_end = range_->total && range_->last == *range_->total - 1;
        const bool exact = fits && (range_->last == last_asked() || at_end);
        if (reply_.status == 206 ? fits : exact)
            return {};
        return protocol(
            "the server sent " + bytes_text(range_->first, range_->last) + " where " + asked() +
            " were asked for");
    }

    /// Status 200 without Content-Range: the server ignores ranges, or this one.
    Verdict whole() const {
        const std::uint64_t total = *reply_.length;
        if (s3_) // S3 reports late failures behind a status of success
            return Refusal{status_problem(reply_.status, s3_), false};
        Identity identity = identity_of(header_lookup(reply_), total);
        if (const auto other = other_version(identity))
            return *other;
        if (total == 0 && request_.offset == 0)
            return RangeBody{0, 0, 0, std::move(identity)};
        if (request_.offset >= total)
            return beyond_end(total);
        if (request_.offset > range_skip_max)
            return Refusal{
                {errc::transport,
                 "the server ignores ranges: it sent the whole object where " + asked() +
                     " were asked for",
                 "use a server that serves ranges, or copy the file first"},
                true};
        const std::uint64_t bytes = std::min(request_.bytes, total - request_.offset);
        return RangeBody{
            request_.offset, bytes, total - request_.offset - bytes, std::move(identity)};
    }

    Verdict unsatisfied() const {
        const Identity* pinned = request_.pinned;
        std::optional<std::uint64_t> total;
        if (range_ && range_->unsatisfied)
            total = range_->total;
        const bool inside = pinned && request_.offset < pinned->bytes;
        if (total && pinned && *total != pinned->bytes)
            return changed(
                "its length (" + std::to_string(*total) + " bytes instead of " +
                std::to_string(pinned->bytes) + ")");
        if (total && *total == 0 && request_.offset == 0 && !pinned)
            return RangeBody{
                0, 0, reply_.length.value_or(0), identity_of(header_lookup(reply_), 0)};
        if (total && request_.offset < *total)
            return protocol("the server refuses " + asked() + ", which the object has");
        if (total)
            return beyond_end(*total);
        // Ranges inside the object were fine before: it must have shrunk.
        if (inside)
            return changed("its length");
        return Refusal{
            {errc::transport,
             "the server refuses " + asked() + " (status 416)",
             "check that the object is complete"},
            false};
    }

    Refusal beyond_end(std::uint64_t total) const {
        return {
            {errc::transport,
             "the object ends at byte " + std::to_string(total) + "; " + asked() +
                 " were asked for",
             "check that the object is complete"},
            false};
    }

    std::optional<Refusal> other_version(const Identity& identity) const {
        if (!request_.pinned)
            return {};
        if (const auto what = difference(*request_.pinned, identity))
            return changed(*what);
        return {};
    }

    Verdict checked(RangeBody body) const {
        if (const auto other = other_version(body.identity))
            return *other;
        return body;
    }

    const RangeRequest& request_;
    const ReplyHead& reply_;
    std::optional<S3Code> s3_;
    std::optional<std::string_view> range_text_;
    std::optional<ContentRange> range_; ///< nothing where the text is missing or no Content-Range
};

} // namespace

std::optional<ContentRange> parse_content_range(std::string_view text) {
    constexpr std::string_view unit = "bytes ";
    if (!starts_with_word(text, unit))
        return {};
    text.remove_prefix(unit.size());
    ContentRange range;
    range.unsatisfied = take(text, '*');
    if (!range.unsatisfied &&
        !(take_number(text, range.first) && take(text, '-') && take_number(text, range.last)))
        return {};
    if (!take(text, '/'))
        return {};
    if (text == "*")
        return range.unsatisfied || range.first > range.last ? std::nullopt : std::optional(range);
    std::uint64_t total = 0;
    if (!take_number(text, total) || !text.empty())
        return {};
    range.total = total;
    if (!range.unsatisfied && (range.first > range.last || range.last >= total))
        return {};
    return range;
}

HeaderLookup header_lookup(const ReplyHead& reply) {
    return [&reply](std::string_view name) { return reply.find(name); };
}

Verdict judge_reply(const RangeRequest& request, const ReplyHead& reply, std::optional<S3Code> s3) {
    assert(request.bytes >= 1 && request.bytes <= length_max && request.offset <= length_max);
    return Judge(request, reply, s3).verdict();
}

} // namespace tz
