// Is this the answer to the range that was asked for? Decided by its head, before a byte of its
// body is taken. Pure.
#pragma once

#include <tz/protocols/identity.hpp>
#include <tz/protocols/reply.hpp>
#include <tz/protocols/s3_error.hpp>
#include <tz/protocols/status.hpp>

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

namespace tz {

/// The Content-Range of an answer. `first` <= `last` < `total`, and none is 2^63 or more.
struct ContentRange {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    bool unsatisfied = false;             ///< "bytes */N", as 416 has it: no first and last
    std::optional<std::uint64_t> total{}; ///< nothing for '*'
};

/// Nothing where the text isn't one by RFC 9110, 14.4.
std::optional<ContentRange> parse_content_range(std::string_view text);

/// What was asked for.
struct RangeRequest {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;          ///< at least 1; may reach past an end that isn't known yet
    const Identity* pinned = nullptr; ///< of the first answer; null until there is one
};

/// How to take the body: pass over `skip` bytes, take `bytes`, then `rest` more are of no use.
struct RangeBody {
    std::uint64_t skip = 0;
    /// At least 1, or the object is empty. Less than was asked for where the object ends, or where
    /// the server gave a part only: what is missing is asked for again.
    std::uint64_t bytes = 0;
    std::uint64_t rest = 0;
    Identity identity;
};

/// Why there is nothing to take.
struct Refusal {
    Problem problem;
    /// The answer breaks HTTP, or isn't one to this request: worth one more try by another
    /// connection. Else status and error code say what to do.
    bool protocol = false;
};

/// Bytes of a whole object that are passed over to get at a range which the server ignored.
constexpr std::uint64_t range_skip_max = 1 << 20;

/// `s3` is S3's error code in the body, where that was read.
std::variant<RangeBody, Refusal>
judge_reply(const RangeRequest& request, const ReplyHead& reply, std::optional<S3Code> s3 = {});

/// The headers of an answer; `reply` stays as long.
HeaderLookup header_lookup(const ReplyHead& reply);

} // namespace tz
