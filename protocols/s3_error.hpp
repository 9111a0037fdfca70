// What an S3 server says when it refuses: its XML taken apart, and its codes sorted. Pure; the only
// reader of such XML besides the answer of STS.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tz {

/// Kinds of S3 and STS error codes, as far as somebody acts on them.
enum class S3Code : std::uint8_t {
    other,               ///< a code that is not known here
    access_denied,       ///< AccessDenied, AllAccessDisabled, AccountProblem ...
    invalid_access_key,  ///< InvalidAccessKeyId, InvalidClientTokenId
    signature_mismatch,  ///< SignatureDoesNotMatch
    expired_token,       ///< ExpiredToken, TokenRefreshRequired ...: fetch credentials anew
    invalid_token,       ///< InvalidToken, InvalidIdentityToken
    clock_skewed,        ///< RequestTimeTooSkewed, RequestExpired ...: correct the clock
    wrong_region,        ///< PermanentRedirect, TemporaryRedirect, AuthorizationHeaderMalformed
    slow_down,           ///< SlowDown, Throttling ...: wait, then try again
    internal_error,      ///< InternalError, ServiceUnavailable ...: try again
    request_timeout,     ///< RequestTimeout: try again
    no_such_key,         ///< NoSuchKey
    no_such_bucket,      ///< NoSuchBucket
    no_such_version,     ///< NoSuchVersion
    no_such_upload,      ///< NoSuchUpload: completed, aborted, or never there
    precondition_failed, ///< PreconditionFailed: the object has changed
    conflict,            ///< ConditionalRequestConflict: somebody else is writing the object
    damaged,             ///< BadDigest ...: what came is not what its checksum says
    no_room,             ///< QuotaExceeded ...
    invalid_range,       ///< InvalidRange
    archived,            ///< InvalidObjectState: the object must be restored first
    not_supported,       ///< NotImplemented, MethodNotAllowed
    bad_request,         ///< InvalidArgument, InvalidRequest, InvalidBucketName ...
};

/// All texts are printable and short.
struct S3Error {
    S3Code kind = S3Code::other;
    std::string code;
    std::string message;
    std::string request_id;
    std::string region; ///< where the bucket is, if the answer says so
};

/// Real answers have less than 2 KiB.
inline constexpr std::size_t s3_error_bytes_max = 64 << 10;
/// What is kept of a message.
inline constexpr std::size_t s3_message_bytes_max = 512;

S3Code s3_code(std::string_view code);

/// Nothing if `body` is no error in S3's or STS's form.
std::optional<S3Error> s3_error(std::string_view body);

/// `text` made printable and cut to at most `bytes_max`, between characters.
std::string printable_part(std::string_view text, std::size_t bytes_max);

} // namespace tz
