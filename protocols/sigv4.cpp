#include "sigv4.hpp"

#include "ascii.hpp"
#include <tz/format/error.hpp>
#include <tz/format/seal.hpp>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdio>
#include <map>

namespace tz {

namespace {

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";
constexpr std::chrono::seconds valid_max = std::chrono::days(7);

/// Wiped when it goes: keys pass through here.
struct Digest {
    Digest() = default;
    Digest(const Digest&) = delete;
    Digest& operator=(const Digest&) = delete;

    ~Digest() { OPENSSL_cleanse(bytes.data(), bytes.size()); }

    std::array<unsigned char, 32> bytes{};
};

[[noreturn]] void fail() {
    throw Error(
        errc::unsupported,
        "OpenSSL failed to sign a request",
        {},
        "check OpenSSL's configuration for SHA-256 and HMAC");
}

void hmac(Digest& to, const void* key, std::size_t key_bytes, std::string_view text) {
    const auto* data = reinterpret_cast<const unsigned char*>(text.data());
    if (HMAC(
            EVP_sha256(),
            key,
            static_cast<int>(key_bytes),
            data,
            text.size(),
            to.bytes.data(),
            nullptr) == nullptr)
        fail();
}

std::string hex(const Digest& digest) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const unsigned char byte : digest.bytes)
        text += {digits[byte >> 4], digits[byte & 15]};
    return text;
}

std::string sha256_hex(std::string_view text) {
    Digest digest;
    if (EVP_Digest(text.data(), text.size(), digest.bytes.data(), nullptr, EVP_sha256(), nullptr) !=
        1)
        fail();
    return hex(digest);
}

std::string_view text_of(const format::Secret& secret) {
    return {reinterpret_cast<const char*>(secret.bytes().data()), secret.bytes().size()};
}

/// "20130524"
std::string date_text(std::chrono::sys_days day) {
    const std::chrono::year_month_day date(day);
    std::array<char, 32> text{};
    std::snprintf(
        text.data(),
        text.size(),
        "%04d%02u%02u",
        static_cast<int>(date.year()),
        static_cast<unsigned>(date.month()),
        static_cast<unsigned>(date.day()));
    return text.data();
}

/// "20130524T000000Z"
std::string time_text(std::chrono::sys_seconds time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::hh_mm_ss clock(time - day);
    std::array<char, 32> text{};
    std::snprintf(
        text.data(),
        text.size(),
        "T%02d%02d%02dZ",
        static_cast<int>(clock.hours().count()),
        static_cast<int>(clock.minutes().count()),
        static_cast<int>(clock.seconds().count()));
    return date_text(day) + text.data();
}

/// Without space around it and with one blank for each space inside it, line ends included.
std::string canonical_value(std::string_view value) {
    std::string result;
    bool space = false;
    for (const char c : value) {
        if (c == ' ' || (c >= '\t' && c <= '\r')) {
            space = !result.empty();
            continue;
        }
        if (space)
            result += ' ';
        space = false;
        result += c;
    }
    return result;
}

/// Encoded just as the server does that decodes it first: text that was left as it is ('+') and
/// text that need not have been encoded ("%7E") come out the same. An escaped slash stays one.
std::string recode(std::string_view text) {
    return percent_encode(percent_decode(text), false);
}

std::string recode_path(std::string_view path) {
    std::string result;
    while (true) {
        const std::size_t slash = std::min(path.find('/'), path.size());
        result += recode(path.substr(0, slash));
        if (slash == path.size())
            return result;
        result += '/';
        path.remove_prefix(slash + 1);
    }
}

/// Without dot segments and repeated slashes.
std::string normalized_path(std::string_view path) {
    const bool folder = path.ends_with('/');
    std::vector<std::string_view> segments;
    while (!path.empty()) {
        const std::size_t slash = std::min(path.find('/'), path.size());
        const std::string_view segment = path.substr(0, slash);
        path.remove_prefix(std::min(slash + 1, path.size()));
        if (segment == ".." && !segments.empty())
            segments.pop_back();
        else if (!segment.empty() && segment != "." && segment != "..")
            segments.push_back(segment);
    }
    std::string result;
    for (const std::string_view segment : segments)
        (result += '/') += segment;
    return result.empty() || folder ? result + '/' : result;
}

std::string canonical_query(std::string_view query) {
    std::vector<std::pair<std::string, std::string>> parameters;
    while (!query.empty()) {
        const std::size_t end = std::min(query.find('&'), query.size());
        const std::string_view parameter = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        if (parameter.empty())
            continue;
        const std::size_t equals = std::min(parameter.find('='), parameter.size());
        parameters.emplace_back(
            recode(parameter.substr(0, equals)),
            recode(parameter.substr(std::min(equals + 1, parameter.size()))));
    }
    std::ranges::sort(parameters);
    std::string result;
    for (const auto& [name, value] : parameters) {
        if (!result.empty())
            result += '&';
        result += name + '=' + value;
    }
    return result;
}

/// By name in lower case; the values of headers that come several times in their order.
using CanonicalHeaders = std::map<std::string, std::string>;

void add(CanonicalHeaders& headers, const SigningHeader& header) {
    const std::string value = canonical_value(header.value);
    const auto [place, is_new] = headers.emplace(ascii::lower(header.name), value);
    if (!is_new)
        place->second += ',' + value;
}

CanonicalHeaders
canonical_headers(const SigningRequest& request, std::span<const SigningHeader> added) {
    CanonicalHeaders headers{{"host", request.url.authority()}};
    for (const SigningHeader& header : request.headers)
        add(headers, header);
    for (const SigningHeader& header : added)
        add(headers, header);
    return headers;
}

/// "host;range;x-amz-date"
std::string names_of(const CanonicalHeaders& headers) {
    std::string names;
    for (const auto& [name, value] : headers)
        names += (names.empty() ? "" : ";") + name;
    return names;
}

SigningSteps sign(
    const SigningKey& key,
    const SigningRequest& request,
    std::string_view query,
    const CanonicalHeaders& headers) {
    assert(key.covers(request.time));
    SigningSteps steps;
    std::string& canonical = steps.canonical_request;
    canonical = std::string(request.method) + '\n';
    canonical += request.rules == SigningRules::s3
                     ? recode_path(request.url.path)
                     : percent_encode(normalized_path(request.url.path), true);
    canonical += '\n' + canonical_query(query) + '\n';
    for (const auto& [name, value] : headers)
        canonical += name + ':' + value + '\n';
    canonical += '\n' + names_of(headers) + '\n';
    canonical += request.payload_sha256;
    steps.string_to_sign = std::string(algorithm) + '\n' + time_text(request.time) + '\n' +
                           key.scope() + '\n' + sha256_hex(canonical);
    steps.signature = key.signature(steps.string_to_sign);
    return steps;
}

} // namespace

SigningKey::SigningKey(
    const SigningCredentials& credentials,
    std::chrono::sys_days day,
    const std::string& region,
    const std::string& service)
    : day_(day),
      access_key_id_(credentials.access_key_id),
      scope_(date_text(day) + '/' + region + '/' + service + "/aws4_request"),
      session_token_(credentials.session_token) {
    const std::string_view secret = text_of(*credentials.secret_access_key);
    std::string start;
    start.reserve(
        4 + secret.size()); // at once: what a string leaves behind as it grows isn't wiped
    (start += "AWS4") += secret;
    Digest of_day, of_region, of_service, key;
    hmac(of_day, start.data(), start.size(), date_text(day));
    OPENSSL_cleanse(start.data(), start.size());
    hmac(of_region, of_day.bytes.data(), of_day.bytes.size(), region);
    hmac(of_service, of_region.bytes.data(), of_region.bytes.size(), service);
    hmac(key, of_service.bytes.data(), of_service.bytes.size(), "aws4_request");
    key_ = std::make_shared<const format::Secret>(std::as_bytes(std::span(key.bytes)));
}

bool SigningKey::covers(std::chrono::sys_seconds time) const {
    return std::chrono::floor<std::chrono::days>(time) == day_;
}

std::string_view SigningKey::session_token() const {
    return session_token_ ? text_of(*session_token_) : std::string_view();
}

std::string SigningKey::signature(std::string_view string_to_sign) const {
    Digest digest;
    hmac(digest, key_->bytes().data(), key_->bytes().size(), string_to_sign);
    return hex(digest);
}

std::vector<SigningHeader>
sign_headers(const SigningKey& key, const SigningRequest& request, SigningSteps* steps) {
    std::vector<SigningHeader> added{{"x-amz-date", time_text(request.time)}};
    if (request.payload_header)
        added.push_back({"x-amz-content-sha256", std::string(request.payload_sha256)});
    if (!key.session_token().empty())
        added.push_back({"x-amz-security-token", std::string(key.session_token())});
    const CanonicalHeaders headers = canonical_headers(request, added);
    SigningSteps signed_by = sign(key, request, request.url.query, headers);
    added.push_back(
        {"authorization",
         std::string(algorithm) + " Credential=" + key.credential() +
             ", SignedHeaders=" + names_of(headers) + ", Signature=" + signed_by.signature});
    if (steps != nullptr)
        *steps = std::move(signed_by);
    return added;
}

std::string presign(
    const SigningKey& key,
    const SigningRequest& request,
    std::chrono::seconds valid,
    SigningSteps* steps) {
    if (valid < std::chrono::seconds(1) || valid > valid_max)
        throw Error(
            errc::usage,
            "a presigned URL can't be valid for " + std::to_string(valid.count()) + " s",
            {},
            "choose 1 second to 7 days");
    const CanonicalHeaders headers = canonical_headers(request, {});
    std::string query = request.url.query;
    const auto add = [&](std::string_view name, std::string_view value) {
        if (!query.empty())
            query += '&';
        query += name;
        query += '=' + percent_encode(value, false);
    };
    add("X-Amz-Algorithm", algorithm);
    add("X-Amz-Credential", key.credential());
    add("X-Amz-Date", time_text(request.time));
    add("X-Amz-Expires", std::to_string(valid.count()));
    if (!key.session_token().empty())
        add("X-Amz-Security-Token", key.session_token());
    add("X-Amz-SignedHeaders", names_of(headers));
    SigningSteps signed_by = sign(key, request, query, headers);
    add("X-Amz-Signature", signed_by.signature);
    if (steps != nullptr)
        *steps = std::move(signed_by);
    return query;
}

} // namespace tz
