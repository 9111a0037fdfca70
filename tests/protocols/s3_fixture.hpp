// What tests of S3 share: keys, a server that checks signatures by them, and an environment without
// others.
#pragma once

#include "http_load.hpp"
#include <tz/protocols/sigv4.hpp>

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <unistd.h>

namespace tz::test {

struct Keys {
    std::string id;
    std::string secret;
};

inline std::chrono::sys_seconds time_of(const Request& request) {
    int year = 0, hour = 0, minute = 0, second = 0;
    unsigned month = 0, day = 0;
    std::sscanf(
        request.field("x-amz-date").c_str(),
        "%4d%2u%2uT%2d%2d%2dZ",
        &year,
        &month,
        &day,
        &hour,
        &minute,
        &second);
    const std::chrono::year_month_day date{
        std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
    return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
           std::chrono::seconds(second);
}

/// The S3 code that a server has for a request that should be signed by `keys`.
inline std::string judge(const Request& request, const Keys& keys) {
    const std::string given = request.authorization();
    if (given.empty())
        return "AccessDenied";
    if (given.find("Credential=" + keys.id + "/") == std::string::npos)
        return "InvalidAccessKeyId";
    const auto from = given.find("SignedHeaders=") + 14;
    const std::string names = given.substr(from, given.find(',', from) - from) + ";";
    std::vector<SigningHeader> headers;
    for (const auto& [name, value] : request.fields) {
        std::string lower = name;
        std::ranges::transform(
            lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
        const bool added = lower == "host" || lower == "x-amz-date" ||
                           lower == "x-amz-content-sha256" || lower == "x-amz-security-token";
        if (!added && (";" + names).find(";" + lower + ";") != std::string::npos)
            headers.push_back({name, value});
    }
    const auto time = time_of(request);
    const SigningKey key(
        {keys.id, secret(keys.secret), nullptr},
        std::chrono::floor<std::chrono::days>(time),
        "us-east-1",
        "s3");
    const Url url = parse_url("http://" + request.field("Host") + request.target);
    const std::string payload = request.field("x-amz-content-sha256");
    const SigningRequest signing{
        .method = request.method,
        .url = url,
        .headers = headers,
        .payload_sha256 = payload,
        .time = time};
    for (const SigningHeader& header : sign_headers(key, signing))
        if (header.name == "authorization" || header.name == "Authorization")
            return header.value == given ? "" : "SignatureDoesNotMatch";
    return "InternalError";
}

class S3Test : public HttpLoad {
protected:
    S3Test() {
        for (char** entry = ::environ; *entry != nullptr; ++entry) {
            const std::string text(*entry);
            const std::string name = text.substr(0, text.find('='));
            if (name.starts_with("AWS_") || name.starts_with("S3_") || name == "HOME")
                before_[name] = text.substr(name.size() + 1);
        }
        for (const auto& [name, value] : before_)
            ::unsetenv(name.c_str());
        ::setenv("HOME", folder_.path().c_str(), 1);
        network_.s3.access_key_id = keys_.id;
        network_.s3.secret_access_key = secret(keys_.secret);
    }

    ~S3Test() override {
        for (const auto& [name, value] : before_)
            ::setenv(name.c_str(), value.c_str(), 1);
    }

    void point_to(const HttpServer& server) { network_.s3.endpoint_url = server.url("", ""); }

    HttpServerOptions strict() {
        HttpServerOptions options;
        options.deny = [this](const Request& request) { return judge(request, keys_); };
        return options;
    }

    void no_keys() {
        network_.s3.access_key_id.clear();
        network_.s3.secret_access_key.reset();
    }

    static void expect_no_secret(const Error& error) {
        EXPECT_EQ(std::string(error.what()).find("CANARY"), std::string::npos) << error.what();
        EXPECT_EQ(error.hint().find("CANARY"), std::string::npos) << error.hint();
    }

    const Keys keys_{"AKIDEXAMPLE", "CANARY-secret"};
    std::map<std::string, std::string> before_;
    Engine engine_;
};

} // namespace tz::test
