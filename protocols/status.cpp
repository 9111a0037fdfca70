#include <tz/protocols/status.hpp>

namespace tz {

namespace {

constexpr const char* check_access =
    "check the credentials and the permissions; a presigned URL may have expired";

/// Codes that say more than the status.
bool acted_on(S3Code s3) {
    return s3 != S3Code::other && s3 != S3Code::invalid_range && s3 != S3Code::not_supported &&
           s3 != S3Code::bad_request;
}

Problem by_code(S3Code s3, const std::string& status) {
    switch (s3) {
    case S3Code::clock_skewed:
        return {
            errc::denied,
            "the server refuses the request's time (" + status + ")",
            "set this machine's clock"};
    case S3Code::expired_token:
        return {errc::denied, "the credentials have expired (" + status + ")", "renew them"};
    case S3Code::invalid_access_key:
    case S3Code::signature_mismatch:
    case S3Code::invalid_token:
        return {
            errc::denied,
            "the server knows no such access key, or its secret is another one (" + status + ")",
            "check the access key id and its secret"};
    case S3Code::wrong_region:
        return {errc::denied, "the bucket is in another region (" + status + ")", "set the region"};
    case S3Code::access_denied:
        return {errc::denied, "access is denied (" + status + ")", check_access};
    case S3Code::no_such_bucket:
        return {errc::not_found, "there is no such bucket (" + status + ")", "check its name"};
    case S3Code::no_such_key:
    case S3Code::no_such_version:
        return {errc::not_found, "there is no such object (" + status + ")", "check its name"};
    case S3Code::archived:
        return {errc::denied, "the object is archived (" + status + ")", "restore it first"};
    case S3Code::precondition_failed:
        return {errc::object_changed, "the object was replaced during the load", "load it again"};
    case S3Code::no_such_upload:
        return {
            errc::transport,
            "somebody has ended the upload meanwhile (" + status + ")",
            "upload it again"};
    case S3Code::conflict:
        return {
            errc::transport,
            "somebody else writes the object at the same time (" + status + ")",
            "try again when that has ended"};
    case S3Code::damaged:
        return {
            errc::integrity,
            "what the server got is not what was sent (" + status + ")",
            "try again; if it stays so, check the network and this machine's memory"};
    case S3Code::no_room:
        return {errc::limit, "the server has no more room (" + status + ")", "raise the quota"};
    case S3Code::slow_down:
        return {
            errc::transport,
            "the server asks for fewer requests (" + status + ")",
            "try again later, or with fewer connections"};
    default:
        return {errc::transport, "the server failed (" + status + ")", "try again later"};
    }
}

} // namespace

bool is_throttling(unsigned status, std::optional<S3Code> s3) noexcept {
    return s3 == S3Code::slow_down || status == 429 || status == 503;
}

bool is_passing(unsigned status, std::optional<S3Code> s3) noexcept {
    if (s3 == S3Code::internal_error || s3 == S3Code::request_timeout)
        return true;
    return is_throttling(status, s3) || status == 408 || status == 500 || status == 502 ||
           status == 504;
}

Problem status_problem(unsigned status, std::optional<S3Code> s3) {
    const std::string text = "status " + std::to_string(status);
    if (s3 && acted_on(*s3))
        return by_code(*s3, text);
    switch (status) {
    case 401:
    case 403:
        return by_code(S3Code::access_denied, text);
    case 404:
    case 410:
        return by_code(S3Code::no_such_key, text);
    case 407:
        return {
            errc::denied,
            "the proxy asks for a user and a password (" + text + ")",
            "put them into the proxy's URL"};
    case 412:
        return by_code(S3Code::precondition_failed, text);
    case 429:
    case 503:
        return by_code(S3Code::slow_down, text);
    case 501: // it stays so, however often it is asked
        return {
            errc::unsupported,
            "the server does not support this request (" + text + ")",
            "check the address, and what the server can do"};
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
    // nginx says 400 of a missing certificate, and of plain text on its TLS port
    return {
        errc::transport,
        "the server refused the request (" + text + ")",
        status == 400
            ? "check the address, and whether the server wants https or a client certificate"
            : "check that the address is one of a file"};
}

} // namespace tz
