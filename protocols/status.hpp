// What an answer's status and S3's error code mean for who asked for a range of an object. Pure.
#pragma once

#include <tz/format/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace tz {

/// What a `tz::Error` will say.
struct Problem {
    errc kind = errc::transport;
    std::string reason{}; ///< without full stop
    std::string hint{};

    bool operator==(const Problem&) const = default;
};

/// S3's error codes, as far as they ask for different things.
enum class S3Error : std::uint8_t {
    none,
    slow_down, ///< fewer requests, please
    internal,  ///< passes
    request_timeout,
    clock_skew,    ///< the time in the signature is too far from the server's
    expired_token, ///< new credentials are needed
    wrong_key,     ///< access key id or secret
    wrong_region,
    access_denied,
    not_found,
    archived,     ///< in cold storage, to be restored first
    precondition, ///< the object is not the one that was asked for any more
    other,
};

/// The class of the `Code` element of an error; "" is none.
S3Error classify_s3_error(std::string_view code);

/// Does the server ask for fewer requests?
bool is_throttling(unsigned status, S3Error s3) noexcept;
/// May the same request get another answer a moment later?
bool is_passing(unsigned status, S3Error s3) noexcept;

/// What is wrong with an object that is answered for with this status, other than 200 and 206.
Problem status_problem(unsigned status, S3Error s3);

} // namespace tz
