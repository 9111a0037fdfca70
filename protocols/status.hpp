// What an answer's status and S3's error code mean for who asked for a range of an object. Pure.
#pragma once

#include <tz/format/error.hpp>
#include <tz/protocols/s3_error.hpp>

#include <optional>
#include <string>

namespace tz {

/// What a `tz::Error` will say.
struct Problem {
    errc kind = errc::transport;
    std::string reason{}; ///< without full stop
    std::string hint{};

    bool operator==(const Problem&) const = default;
};

/// Does the server ask for fewer requests? `s3` is the code of its answer, if it has one.
bool is_throttling(unsigned status, std::optional<S3Code> s3) noexcept;
/// May the same request get another answer a moment later?
bool is_passing(unsigned status, std::optional<S3Code> s3) noexcept;

/// What is wrong with an object that is answered for with this status, other than 200 and 206.
Problem status_problem(unsigned status, std::optional<S3Code> s3);

} // namespace tz
