#include <tz/format/error.hpp>
#include <tz/protocols/s3_error.hpp>

#include <algorithm>
#include <pugixml.hpp>
#include <utility>

namespace tz {

namespace {

// From the error lists of S3, STS and Ceph.
constexpr std::pair<std::string_view, S3Code> codes[] = {
    {"AccessDenied", S3Code::access_denied},
    {"AccessDeniedException", S3Code::access_denied},
    {"AccessForbidden", S3Code::access_denied},
    {"AccountProblem", S3Code::access_denied},
    {"AllAccessDisabled", S3Code::access_denied},
    {"NotSignedUp", S3Code::access_denied},
    {"UserSuspended", S3Code::access_denied},
    {"InvalidAccessKeyId", S3Code::invalid_access_key},
    {"InvalidClientTokenId", S3Code::invalid_access_key},
    {"SignatureDoesNotMatch", S3Code::signature_mismatch},
    {"ExpiredToken", S3Code::expired_token},
    {"ExpiredTokenException", S3Code::expired_token},
    {"TokenRefreshRequired", S3Code::expired_token},
    {"InvalidIdentityToken", S3Code::invalid_token},
    {"InvalidToken", S3Code::invalid_token},
    {"RequestExpired", S3Code::clock_skewed},
    {"RequestInTheFuture", S3Code::clock_skewed},
    {"RequestTimeTooSkewed", S3Code::clock_skewed},
    {"AuthorizationHeaderMalformed", S3Code::wrong_region},
    {"IllegalLocationConstraintException", S3Code::wrong_region},
    {"PermanentRedirect", S3Code::wrong_region},
    {"Redirect", S3Code::wrong_region},
    {"TemporaryRedirect", S3Code::wrong_region},
    {"BandwidthLimitExceeded", S3Code::slow_down},
    {"RequestLimitExceeded", S3Code::slow_down},
    {"RequestThrottled", S3Code::slow_down},
    {"SlowDown", S3Code::slow_down},
    {"SlowDownRead", S3Code::slow_down},
    {"Throttling", S3Code::slow_down},
    {"ThrottlingException", S3Code::slow_down},
    {"TooManyRequests", S3Code::slow_down},
    {"TooManyRequestsException", S3Code::slow_down},
    {"BusyError", S3Code::internal_error},
    {"IDPCommunicationError", S3Code::internal_error},
    {"InternalError", S3Code::internal_error},
    {"InternalErrors", S3Code::internal_error},
    {"InternalFailure", S3Code::internal_error},
    {"InternalServerError", S3Code::internal_error},
    {"ServiceUnavailable", S3Code::internal_error},
    {"RequestTimeout", S3Code::request_timeout},
    {"RequestTimeoutException", S3Code::request_timeout},
    {"IncompleteBody", S3Code::request_timeout}, // somebody between here and there gave up
    {"NoSuchKey", S3Code::no_such_key},
    {"NoSuchBucket", S3Code::no_such_bucket},
    {"NoSuchVersion", S3Code::no_such_version},
    {"NoSuchUpload", S3Code::no_such_upload},
    {"PreconditionFailed", S3Code::precondition_failed},
    {"ConditionalRequestConflict", S3Code::conflict},
    {"OperationAborted", S3Code::conflict},
    {"BadDigest", S3Code::damaged},
    {"XAmzContentChecksumMismatch", S3Code::damaged},
    {"XAmzContentSHA256Mismatch", S3Code::damaged},
    {"QuotaExceeded", S3Code::no_room},
    {"InvalidRange", S3Code::invalid_range},
    {"InvalidObjectState", S3Code::archived},
    {"MethodNotAllowed", S3Code::not_supported},
    {"NotImplemented", S3Code::not_supported},
    {"BadRequest", S3Code::bad_request},
    {"EntityTooLarge", S3Code::bad_request},
    {"EntityTooSmall", S3Code::bad_request},
    {"InvalidArgument", S3Code::bad_request},
    {"InvalidBucketName", S3Code::bad_request},
    {"InvalidDigest", S3Code::bad_request},
    {"InvalidPart", S3Code::bad_request},
    {"InvalidPartOrder", S3Code::bad_request},
    {"InvalidRequest", S3Code::bad_request},
    {"InvalidURI", S3Code::bad_request},
    {"MalformedXML", S3Code::bad_request},
    {"KeyTooLongError", S3Code::bad_request},
};

constexpr std::size_t name_bytes_max = 128;

std::string text_of(const pugi::xml_node& parent, const char* name, std::size_t bytes_max) {
    return printable_part(parent.child(name).text().get(), bytes_max);
}

} // namespace

std::string printable_part(std::string_view text, std::size_t bytes_max) {
    // each byte becomes at least one, so no more of it can be needed
    std::string out = printable(text.substr(0, bytes_max + 4));
    if (out.size() <= bytes_max)
        return out;
    std::size_t end = bytes_max;
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xc0) == 0x80)
        --end;
    out.resize(end);
    return out;
}

S3Code s3_code(std::string_view code) {
    const auto* const found = std::ranges::find(codes, code, [](const auto& c) { return c.first; });
    return found == std::end(codes) ? S3Code::other : found->second;
}

std::optional<S3Error> s3_error(std::string_view body) {
    if (body.size() > s3_error_bytes_max)
        return {};
    pugi::xml_document document;
    if (!document.load_buffer(body.data(), body.size(), pugi::parse_default, pugi::encoding_utf8))
        return {};
    pugi::xml_node root = document.document_element();
    pugi::xml_node error = root;
    if (root.child("Error")) // <ErrorResponse> of STS, <Response><Errors> of EC2-like servers
        error = root.child("Error");
    else if (root.child("Errors").child("Error"))
        error = root.child("Errors").child("Error");
    else if (std::string_view(root.name()) != "Error")
        return {};

    S3Error out;
    out.code = text_of(error, "Code", name_bytes_max);
    if (out.code.empty())
        return {};
    out.kind = s3_code(out.code);
    out.message = text_of(error, "Message", s3_message_bytes_max);
    for (const char* name : {"RequestId", "RequestID"})
        for (const pugi::xml_node& place : {error, root})
            if (out.request_id.empty())
                out.request_id = text_of(place, name, name_bytes_max);
    out.region = text_of(error, "Region", name_bytes_max);
    return out;
}

} // namespace tz
