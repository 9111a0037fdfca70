#include <tz/protocols/status.hpp>

#include <utility>

namespace tz {

namespace {

constexpr std::pair<std::string_view, S3Error> codes[] = {
    {"SlowDown", S3Error::slow_down},
    {"SlowDownRead", S3Error::slow_down},
    {"ServiceUnavailable", S3Error::slow_down},
    {"Throttling", S3Error::slow_down},
    {"ThrottlingException", S3Error::slow_down},
    {"RequestLimitExceeded", S3Error::slow_down},
    {"BandwidthLimitExceeded", S3Error::slow_down},
    {"TooManyRequests", S3Error::slow_down},
    {"InternalError", S3Error::internal},
    {"InternalErrors", S3Error::internal},
    {"InternalFailure", S3Error::internal},
    {"OperationAborted", S3Error::internal},
    {"RequestTimeout", S3Error::request_timeout},
    {"RequestTimeoutException", S3Error::request_timeout},
    {"RequestTimeTooSkewed", S3Error::clock_skew},
    {"RequestInTheFuture", S3Error::clock_skew},
    {"ExpiredToken", S3Error::expired_token},
    {"ExpiredTokenException", S3Error::expired_token},
    {"TokenRefreshRequired", S3Error::expired_token},
    {"SignatureDoesNotMatch", S3Error::wrong_key},
    {"InvalidAccessKeyId", S3Error::wrong_key},
    {"InvalidToken", S3Error::wrong_key},
    {"PermanentRedirect", S3Error::wrong_region},
    {"TemporaryRedirect", S3Error::wrong_region},
    {"AuthorizationHeaderMalformed", S3Error::wrong_region},
    {"IllegalLocationConstraintException", S3Error::wrong_region},
    {"AccessDenied", S3Error::access_denied},
    {"AllAccessDisabled", S3Error::access_denied},
    {"AccountProblem", S3Error::access_denied},
    {"NoSuchKey", S3Error::not_found},
    {"NoSuchBucket", S3Error::not_found},
    {"NoSuchVersion", S3Error::not_found},
    {"InvalidObjectState", S3Error::archived},
    {"PreconditionFailed", S3Error::precondition},
};

constexpr const char* check_access =
    "check the credentials and the permissions; a presigned URL may have expired";

Problem by_code(S3Error s3, const std::string& status) {
    switch (s3) {
    case S3Error::clock_skew:
        return {
            errc::denied,
            "the server refuses the request's time (" + status + ")",
            "set this machine's clock"};
    case S3Error::expired_token:
        return {errc::denied, "the credentials have expired (" + status + ")", "renew them"};
    case S3Error::wrong_key:
        return {
            errc::denied,
            "the server knows no such access key, or its secret is another one (" + status + ")",
            "check the access key id and its secret"};
    case S3Error::wrong_region:
        return {errc::denied, "the bucket is in another region (" + status + ")", "set the region"};
    case S3Error::access_denied:
        return {errc::denied, "access is denied (" + status + ")", check_access};
    case S3Error::not_found:
        return {errc::not_found, "there is no such object (" + status + ")", "check its name"};
    case S3Error::archived:
        return {errc::denied, "the object is archived (" + status + ")", "restore it first"};
    case S3Error::precondition:
        return {errc::object_changed, "the object was replaced during the load", "load it again"};
    case S3Error::slow_down:
        return {
            errc::transport,
            "the server asks for fewer requests (" + status + ")",
            "try again later, or with fewer connections"};
    default:
        return {errc::transport, "the server failed (" + status + ")", "try again later"};
    }
}

} // namespace

S3Error classify_s3_error(std::string_view code) {
    if (code.empty())
        return S3Error::none;
    for (const auto& [name, kind] : codes)
        if (name == code)
            return kind;
    return S3Error::other;
}

bool is_throttling(unsigned status, S3Error s3) noexcept {
    return s3 == S3Error::slow_down || status == 429 || status == 503;
}

bool is_passing(unsigned status, S3Error s3) noexcept {
    if (s3 == S3Error::internal || s3 == S3Error::request_timeout)
        return true;
    return is_throttling(status, s3) || status == 408 || status == 500 || status == 502 ||
           status == 504;
}

Problem status_problem(unsigned status, S3Error s3) {
    const std::string text = "status " + std::to_string(status);
    if (s3 != S3Error::none && s3 != S3Error::other)
        return by_code(s3, text);
    switch (status) {
    case 401:
    case 403:
        return by_code(S3Error::access_denied, text);
    case 404:
    case 410:
        return by_code(S3Error::not_found, text);
    case 407:
        return {
            errc::denied,
            "the proxy asks for a user and a password (" + text + ")",
            "put them into the proxy's URL"};
    case 412:
        return by_code(S3Error::precondition, text);
    case 429:
    case 503:
        return by_code(S3Error::slow_down, text);
    default:
        break;
    }
    if (status >= 300 && status < 400 && status != 304)
        return {
            errc::transport,
            "the server leads to another place, which is not followed (" + text + ")",
            "use the address that it leads to"};
    if (status >= 500)
        return {errc::transport, "the server failed (" + text + ")", "try again later"};
    return {
        errc::transport,
        "the server refused the request (" + text + ")",
        "check that the address is one of a file"};
}

} // namespace tz
