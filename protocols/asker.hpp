// The seam between reading ranges and whose objects they are: where to ask, with which headers, and
// what becomes of answers that lead elsewhere or want to know more of us.
#pragma once

#include <tz/engine/async.hpp>
#include <tz/protocols/connection.hpp>
#include <tz/protocols/identity.hpp>
#include <tz/protocols/s3_error.hpp>
#include <tz/protocols/status.hpp>
#include <tz/protocols/url.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tz {

class Loop;

/// Where an object is asked for.
struct Place {
    Url url;
    unsigned redirects = 0; ///< that led here
    bool foreign = false;   ///< another origin than the caller's: gets nothing secret
    bool guarded = false;   ///< must not lead to this machine or its link
    std::string region;     ///< that S3 requests are signed for

    bool operator==(const Place&) const = default;
};

/// A request ready to be sent.
struct Question {
    HttpRequest request;
    std::uint64_t generation = 0; ///< of the credentials
};

/// Shared by all readers of a source. Thread-safe; coroutines on the loop's thread.
class Asker {
public:
    virtual ~Asker() = default;

    /// Where to begin: at what the caller named, or where that is known to lead.
    virtual Place start() const = 0;

    /// The request for `range`, a value of Range or "" for all, of the version `pinned` (null:
    /// whichever). Throws `tz::Error` where there are no credentials, or they must not go there.
    virtual awaitable<Question>
    question(Loop& loop, const Place& place, std::string range, const Identity* pinned) = 0;

    /// The request whose answer has checksums of the version `pinned`. Nothing where answers to
    /// question() have them as well.
    virtual awaitable<std::optional<Question>> checksum_question(
        [[maybe_unused]] Loop& loop,
        [[maybe_unused]] const Place& place,
        [[maybe_unused]] const Identity& pinned) {
        std::optional<Question> none;
        co_return none;
    }

    /// Where the answer leads. Nothing if it doesn't. Throws `tz::Error` if it must not be
    /// followed.
    virtual std::optional<Place>
    moved(const Place& asked, const ReplyHead& head, std::string_view body) = 0;

    /// The object is there.
    virtual void found([[maybe_unused]] const Place& place) {}

    /// The object can't be had there any more: true if that was a place that another one led to,
    /// which may by now lead elsewhere.
    virtual bool forget([[maybe_unused]] const Place& place) { return false; }

    /// Other credentials than those of `generation`: false if there are none.
    virtual awaitable<bool>
    renew([[maybe_unused]] Loop& loop, [[maybe_unused]] std::uint64_t generation) {
        co_return false;
    }

    /// Requests say from now on what time it is at the server.
    virtual void correct_clock([[maybe_unused]] const ReplyHead& head) {}

    /// Adds what can be done about a refusal.
    virtual void explain(
        [[maybe_unused]] Problem& problem,
        [[maybe_unused]] const std::optional<S3Error>& error) const {}
};

} // namespace tz
