// Signatures of requests to S3 and other AWS services ("Signature Version 4"), in headers or in the
// query of a presigned URL. Pure; any thread.
#pragma once

#include <tz/protocols/url.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tz::format {
class Secret;
}

namespace tz {

struct SigningCredentials {
    std::string access_key_id;
    std::shared_ptr<const format::Secret> secret_access_key;
    std::shared_ptr<const format::Secret> session_token; ///< null: none
};

/// What signs all requests of one day (UTC) to one service of one region. Never changes, so that
/// threads can share it.
class SigningKey {
public:
    SigningKey(
        const SigningCredentials& credentials,
        std::chrono::sys_days day,
        const std::string& region,
        const std::string& service);

    /// Whether it may sign a request of that time.
    bool covers(std::chrono::sys_seconds time) const;

    /// "AKIDEXAMPLE/20130524/us-east-1/s3/aws4_request"
    std::string credential() const { return access_key_id_ + '/' + scope_; }

    /// "20130524/us-east-1/s3/aws4_request"
    const std::string& scope() const { return scope_; }

    /// Empty where there is none. A secret.
    std::string_view session_token() const;

    /// In hexadecimal.
    std::string signature(std::string_view string_to_sign) const;

private:
    std::chrono::sys_days day_;
    std::string access_key_id_;
    std::string scope_;
    std::shared_ptr<const format::Secret> session_token_;
    std::shared_ptr<const format::Secret> key_; ///< derived
};

struct SigningHeader {
    std::string name; ///< any case
    std::string value;

    bool operator==(const SigningHeader&) const = default;
};

/// How the path is signed.
enum class SigningRules : std::uint8_t {
    s3,    ///< as it is, since each byte may be part of the object's key
    other, ///< without dot segments and repeated slashes, and encoded once more
};

/// In place of the payload's hash. For S3 only, which takes it over TLS and for what has no body.
inline constexpr std::string_view unsigned_payload = "UNSIGNED-PAYLOAD";
/// SHA-256 of nothing.
inline constexpr std::string_view empty_payload =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct SigningRequest {
    std::string_view method = "GET";
    const Url& url;
    /// Those to sign besides Host, which comes from `url`, and those that signing adds.
    std::span<const SigningHeader> headers;
    std::string_view payload_sha256 = unsigned_payload; ///< hexadecimal
    std::chrono::sys_seconds time;
    SigningRules rules = SigningRules::s3;
    /// Sends and signs x-amz-content-sha256 where headers are signed. S3 insists on it.
    bool payload_header = true;
};

/// What a service shows in its answer when signatures differ. Holds the session token.
struct SigningSteps {
    std::string canonical_request;
    std::string string_to_sign;
    std::string signature;
};

/// The headers to add to the request: x-amz-date, x-amz-content-sha256, x-amz-security-token and
/// authorization. `key` covers the request's time.
std::vector<SigningHeader>
sign_headers(const SigningKey& key, const SigningRequest& request, SigningSteps* steps = nullptr);

/// The query of the presigned URL, that of `request.url` in front. A secret for as long as it is
/// valid. Throws `tz::Error` (errc::usage) unless `valid` is 1 second to 7 days.
std::string presign(
    const SigningKey& key,
    const SigningRequest& request,
    std::chrono::seconds valid,
    SigningSteps* steps = nullptr);

} // namespace tz
