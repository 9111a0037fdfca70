// The cases that Amazon's own libraries are tested with: tests/data/aws-signing-test-suite.
#include "../support/files.hpp"
#include <tz/format/hash.hpp>
#include <tz/protocols/sigv4.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <sstream>

namespace tz {
namespace {

const std::string folder = TZ_TEST_DATA "/aws-signing-test-suite/v4/";

std::string text_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    EXPECT_TRUE(file) << path;
    return text.str();
}

std::vector<std::string> case_names() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
}

std::string sha256_hex(const std::string& text) {
    std::string hex;
    for (const std::byte byte : format::sha256(std::as_bytes(std::span(text)))) {
        constexpr std::string_view digits = "0123456789abcdef";
        hex += digits[std::to_integer<unsigned>(byte) >> 4];
        hex += digits[std::to_integer<unsigned>(byte) & 15];
    }
    return hex;
}

struct Request {
    std::string method;
    Url url = parse_url("https://host");
    std::vector<SigningHeader> headers;
    std::string body;
};

/// The target goes into the URL as it stands there, not even escaped.
Request parse_request(const std::string& text) {
    Request request;
    std::istringstream lines(text);
    std::string line;
    std::getline(lines, line);
    const std::size_t blank = line.find(' ');
    const std::string target = line.substr(blank + 1, line.rfind(" HTTP/1.1") - blank - 1);
    const std::size_t question = target.find('?');
    request.method = line.substr(0, blank);
    request.url.path = target.substr(0, question);
    request.url.has_query = question != target.npos;
    request.url.query = request.url.has_query ? target.substr(question + 1) : "";
    while (std::getline(lines, line) && !line.empty()) {
        const std::size_t colon = line.find(':');
        if (line[0] == ' ')
            request.headers.back().value += '\n' + line;
        else if (line.starts_with("Host:"))
            request.url.host = line.substr(colon + 1);
        else
            request.headers.push_back({line.substr(0, colon), line.substr(colon + 1)});
    }
    std::getline(lines, request.body, '\0');
    return request;
}

class Sigv4Suite : public testing::TestWithParam<std::string> {
protected:
    Sigv4Suite() {
        // a token that the suite wants added to the signed request is the caller's to add
        const bool omits_token = context_.value("omit_session_token", false);
        const auto& given = context_["credentials"];
        SigningCredentials credentials;
        credentials.access_key_id = given["access_key_id"];
        credentials.secret_access_key = test::secret(given["secret_access_key"]);
        if (given.contains("token") && !omits_token)
            credentials.session_token = test::secret(given["token"]);
        key_.emplace(
            credentials,
            std::chrono::floor<std::chrono::days>(time_),
            context_["region"],
            context_["service"]);
        const bool sign_body = context_["sign_body"];
        payload_ = sha256_hex(sign_body ? request_.body : "");
        const bool normalize = context_["normalize"];
        signing_.rules = normalize ? SigningRules::other : SigningRules::s3;
        signing_.payload_sha256 = payload_;
        signing_.payload_header = sign_body;
    }

    std::string expected(const std::string& file) const { return text_of(path_ + file); }

    void expect(const SigningSteps& steps, const std::string& way) const {
        EXPECT_EQ(steps.canonical_request, expected(way + "-canonical-request.txt"));
        EXPECT_EQ(steps.string_to_sign, expected(way + "-string-to-sign.txt"));
        EXPECT_EQ(steps.signature, expected(way + "-signature.txt"));
    }

    std::string path_ = folder + GetParam() + "/";
    nlohmann::json context_ = nlohmann::json::parse(text_of(path_ + "context.json"));
    Request request_ = parse_request(text_of(path_ + "request.txt"));
    std::string payload_;
    // 2015-08-30T12:36:00Z, the time of all cases
    std::chrono::sys_seconds time_ = std::chrono::sys_days(std::chrono::August / 30 / 2015) +
                                     std::chrono::hours(12) + std::chrono::minutes(36);
    SigningRequest signing_{request_.method, request_.url, request_.headers, {}, time_};
    std::optional<SigningKey> key_;
};

TEST_P(Sigv4Suite, IsSignedInHeaders) {
    EXPECT_EQ(context_["timestamp"], "2015-08-30T12:36:00Z");
    SigningSteps steps;
    const auto added = sign_headers(*key_, signing_, &steps);
    expect(steps, "header");
    // Authorization, and all else that is added, stand in the suite's signed request
    const std::string signed_request = expected("header-signed-request.txt");
    EXPECT_EQ(added.back().name, "authorization");
    EXPECT_NE(
        signed_request.find("\nAuthorization:" + added.back().value + "\n"), std::string::npos);
    for (const SigningHeader& header : added)
        EXPECT_NE(signed_request.find(":" + header.value + "\n"), std::string::npos) << header.name;
}

TEST_P(Sigv4Suite, IsSignedInTheQuery) {
    SigningSteps steps;
    const std::chrono::seconds valid(context_["expiration_in_seconds"].get<int>());
    const std::string query = presign(*key_, signing_, valid, &steps);
    expect(steps, "query");
    EXPECT_TRUE(query.starts_with(request_.url.query));
    EXPECT_TRUE(query.ends_with("&X-Amz-Signature=" + steps.signature));
}

INSTANTIATE_TEST_SUITE_P(Cases, Sigv4Suite, testing::ValuesIn(case_names()), [](const auto& info) {
    std::string name = info.param;
    std::ranges::replace(name, '-', '_');
    return name;
});

TEST(Sigv4, HasAllCasesOfTheSuite) {
    EXPECT_EQ(case_names().size(), 38u);
}

} // namespace
} // namespace tz
