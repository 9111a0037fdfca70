// An input is the head of an answer: the first 8 bytes say what was asked for and how the answer is
// framed, then comes a line for each header.
#include "memory_bound.hpp"
#include <tz/protocols/checksum_headers.hpp>
#include <tz/protocols/range_reply.hpp>
#include <tz/protocols/retry.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace {

using namespace tz;
using tz::test::require;

constexpr HttpTime now{std::chrono::seconds(1'800'000'000)};

std::map<std::string_view, std::string_view> headers_of(std::string_view text) {
    constexpr std::array<std::string_view, 12> names{
        "content-range",
        "etag",
        "last-modified",
        "x-amz-version-id",
        "content-encoding",
        "content-type",
        "retry-after",
        "x-amz-checksum-crc32",
        "x-amz-checksum-crc64nvme",
        "x-amz-checksum-sha256",
        "x-amz-checksum-type",
        "date"};
    std::map<std::string_view, std::string_view> headers;
    for (const auto name : names) {
        const auto end = text.find('\n');
        if (end != 0)
            headers[name] = text.substr(0, end);
        if (end == text.npos)
            break;
        text.remove_prefix(end + 1);
    }
    return headers;
}

void check(const RangeBody& body, const RangeRequest& request, const ReplyHead& reply) {
    require(body.bytes <= request.bytes && body.skip <= range_skip_max);
    require(body.bytes > 0 || body.identity.bytes == 0);
    require(body.bytes == 0 || request.offset + body.bytes <= body.identity.bytes);
    require(body.skip + body.bytes + body.rest == reply.length.value_or(0));
    require(request.pinned == nullptr || !difference(*request.pinned, body.identity));
    for (const auto& [name, value] : pin_to(body.identity, false, now).headers)
        require(value.find_first_of("\r\n") == value.npos);
}

void check_dates(std::string_view text) {
    if (const auto time = parse_http_date(text, now)) {
        const std::string printed = http_date(*time);
        require(parse_http_date(printed, now) == time);
    }
    if (const auto wait = parse_retry_after(text, now))
        require(wait->count() >= 0 && *wait <= std::chrono::hours(24 * 365));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 8)
        return 0;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const test::MemoryBound bound(size);
    const auto headers = headers_of(input.substr(8));
    ReplyHead reply;
    for (const auto& [name, value] : headers)
        reply.headers.push_back({std::string(name), std::string(value)});
    const Identity pinned{.etag = "\"a\"", .strong = true, .bytes = 1000};
    constexpr std::array<unsigned, 8> statuses{206, 200, 416, 206, 200, 404, 503, 204};
    RangeRequest request;
    request.offset = data[0] < 128 ? data[0] : std::uint64_t(data[0] & 127) << (data[1] % 56);
    request.bytes = data[2] < 128 ? data[2] + 1 : std::uint64_t(1) << (data[2] % 63);
    request.pinned = data[3] & 1 ? &pinned : nullptr;
    reply.status = statuses[data[3] >> 1 & 7];
    reply.chunked = (data[3] & 16) != 0;
    if ((data[3] & 32) == 0)
        reply.length =
            data[4] < 128 ? data[5] * 256u + data[6] : std::uint64_t(data[5]) << (data[6] % 64);
    std::optional<S3Code> s3;
    if (const int code = data[7] % 20; code < 19)
        s3 = static_cast<S3Code>(code);
    const auto verdict = judge_reply(request, reply, s3);
    if (const auto* body = std::get_if<RangeBody>(&verdict))
        check(*body, request, reply);
    else
        require(!std::get<Refusal>(verdict).problem.hint.empty());
    for (const bool whole : {false, true})
        checksum_of(header_lookup(reply), whole);
    for (const auto& [name, value] : headers)
        check_dates(value);
    return 0;
}
