// STS, container and metadata service: what is sent, what is taken, and what is refused.
#include "support/made_surroundings.hpp"
#include <tz/protocols/credential_providers.hpp>

#include <gtest/gtest.h>

namespace tz {
namespace {

using namespace std::chrono_literals;
using test::error_of;
using test::MadeSurroundings;
using test::text;

constexpr const char* keys_json =
    R"({"Code":"Success","AccessKeyId":"ID","SecretAccessKey":"CANARY","Token":"CANARY-T",)"
    R"("Expiration":"2027-01-15T09:00:00Z"})";

std::string sts_answer(const std::string& secret = "CANARY") {
    return "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
           "<AccessKeyId>ID</AccessKeyId><SecretAccessKey>" +
           secret +
           "</SecretAccessKey><SessionToken>CANARY-T</SessionToken><Expiration>"
           "2027-01-15T09:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult>"
           "</AssumeRoleWithWebIdentityResponse>";
}

std::optional<Credentials>
search(MadeSurroundings& made, std::optional<Credentials> (*place)(const S3Settings&)) {
    const Surroundings surroundings = made.get();
    const S3Options options;
    return place(S3Settings(options, surroundings));
}

Credentials assume(MadeSurroundings& made, bool allow_http = false) {
    const Surroundings surroundings = made.get();
    const S3Options options;
    S3Settings settings(options, surroundings);
    return assume_role(
        {"web identity", "arn:aws:iam::1:role/r", "/token", ""}, settings, allow_http);
}

void expect_found(const Credentials& found) {
    EXPECT_EQ(found.access_key_id, "ID");
    EXPECT_EQ(text(found.secret), "CANARY");
    EXPECT_EQ(text(found.token), "CANARY-T");
    EXPECT_EQ(found.expires, std::chrono::system_clock::time_point(1'800'003'600s));
}

void expect_refused(const Error& error, const char* source, const char* part) {
    EXPECT_EQ(error.kind(), errc::denied);
    EXPECT_EQ(error.source(), source);
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    EXPECT_EQ(std::string(error.what()).find("CANARY"), std::string::npos) << error.what();
    EXPECT_FALSE(error.hint().empty());
}

MadeSurroundings with_token() {
    MadeSurroundings made;
    made.files["/token"] = "CANARY.web+token=\n";
    made.answer = [](const HttpCall&) { return HttpAnswer{200, sts_answer()}; };
    return made;
}

TEST(WebIdentity, AsksStsWithTheTokenInTheBody) {
    MadeSurroundings made = with_token();
    made.variables["AWS_REGION"] = "cn-north-1";
    expect_found(assume(made));
    ASSERT_EQ(made.calls.size(), 1u);
    const HttpCall& call = made.calls[0];
    EXPECT_EQ(call.method, "POST");
    EXPECT_EQ(call.url.host, "sts.cn-north-1.amazonaws.com.cn");
    EXPECT_TRUE(call.url.tls);
    EXPECT_EQ(call.url.target(), "/");
    EXPECT_EQ(
        call.body,
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%"
        "2Fr"
        "&RoleSessionName=tzio-1800000000&WebIdentityToken=CANARY.web%2Btoken%3D");
    EXPECT_EQ(call.headers[0].second, "application/x-www-form-urlencoded");
    EXPECT_GT(call.timeout, 0ms);
    EXPECT_EQ(call.answer_bytes_max, 65'536u);
}

TEST(WebIdentity, AsksTheEndpointThatIsSetForSts) {
    MadeSurroundings made = with_token();
    made.variables["AWS_ENDPOINT_URL"] = "https://all.test";
    assume(made);
    EXPECT_EQ(made.calls.back().url.host, "all.test");
    made.variables["AWS_ENDPOINT_URL_STS"] = "http://127.0.0.1:8000/sts";
    assume(made);
    EXPECT_EQ(made.calls.back().url.authority(), "127.0.0.1:8000");
    EXPECT_EQ(made.calls.back().url.target(), "/sts/");
    made.variables["AWS_ENDPOINT_URL_STS"] = "http://sts.test";
    expect_refused(error_of([&] { assume(made); }), "credentials from web identity", "no TLS");
    EXPECT_EQ(made.calls.size(), 2u);
    assume(made, true);
    EXPECT_EQ(made.calls.size(), 3u);
}

TEST(WebIdentity, ReadsTheTokenAnewEachTime) {
    MadeSurroundings made = with_token();
    assume(made);
    made.files["/token"] = "other";
    assume(made);
    EXPECT_TRUE(made.calls[1].body.ends_with("WebIdentityToken=other"));
}

TEST(WebIdentity, RefusesTokensThatAreNone) {
    MadeSurroundings made = with_token();
    for (const std::string& token :
         {std::string(),
          std::string("\n"),
          std::string("CANARY\nCANARY"),
          std::string("CAN ARY"),
          std::string(70'000, 't')}) {
        made.files["/token"] = token;
        expect_refused(error_of([&] { assume(made); }), "credentials from web identity", "/token");
    }
    made.files.clear();
    expect_refused(error_of([&] { assume(made); }), "credentials from web identity", "not there");
    EXPECT_TRUE(made.calls.empty());
}

TEST(WebIdentity, AsksOnceMoreAfterWhatMayPass) {
    MadeSurroundings made = with_token();
    int left = 1;
    made.answer = [&](const HttpCall&) -> HttpAnswer {
        if (left-- > 0)
            return {503, "CANARY"};
        return {200, sts_answer()};
    };
    expect_found(assume(made));
    EXPECT_EQ(made.calls.size(), 2u);
    left = 2;
    expect_refused(error_of([&] { assume(made); }), "credentials from web identity", "status 503");
    EXPECT_EQ(made.calls.size(), 4u);
    made.answer = [](const HttpCall&) -> HttpAnswer { throw Error(errc::transport, "reset"); };
    expect_refused(error_of([&] { assume(made); }), "credentials from web identity", "reset");
    made.answer = [](const HttpCall&) -> HttpAnswer { throw Error(errc::cancelled, "stop"); };
    EXPECT_EQ(error_of([&] { assume(made); }).kind(), errc::cancelled);
}

TEST(WebIdentity, NamesTheCodeOfARefusalButNotItsMessage) {
    MadeSurroundings made = with_token();
    made.answer = [](const HttpCall&) -> HttpAnswer {
        return {
            400,
            "<ErrorResponse><Error><Code>InvalidIdentityToken</Code><Message>CANARY</Message>"
            "</Error></ErrorResponse>"};
    };
    expect_refused(
        error_of([&] { assume(made); }),
        "credentials from web identity",
        "status 400 InvalidIdentityToken");
    EXPECT_EQ(made.calls.size(), 1u);
}

TEST(WebIdentity, RefusesAnswersWithoutCredentials) {
    MadeSurroundings made = with_token();
    for (const std::string& body :
         {std::string(), std::string("{}"), sts_answer(""), sts_answer().substr(0, 300)}) {
        made.answer = [&](const HttpCall&) { return HttpAnswer{200, body}; };
        expect_refused(
            error_of([&] { assume(made); }), "credentials from web identity", "no credentials");
    }
}

TEST(Container, AsksWhatTheEnvironmentNames) {
    MadeSurroundings made;
    made.answer = [](const HttpCall&) { return HttpAnswer{200, keys_json}; };
    EXPECT_FALSE(search(made, container_credentials).has_value());
    EXPECT_TRUE(made.calls.empty());
    made.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://169.254.170.23/v1/credentials";
    made.variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "CANARY-A";
    expect_found(*search(made, container_credentials));
    EXPECT_EQ(made.calls[0].url.target(), "/v1/credentials");
    EXPECT_EQ(
        made.calls[0].headers[1], std::pair(std::string("Authorization"), std::string("CANARY-A")));
    EXPECT_TRUE(made.calls[0].container_hosts_only);
    EXPECT_EQ(made.calls[0].answer_bytes_max, 10'000u);
    made.variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = "/token";
    made.files["/token"] = "from-file\n";
    made.variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/v2/x?id=1";
    expect_found(*search(made, container_credentials));
    EXPECT_EQ(made.calls[1].url.host, "169.254.170.2");
    EXPECT_EQ(made.calls[1].url.target(), "/v2/x?id=1");
    EXPECT_EQ(made.calls[1].headers[1].second, "from-file");
}

TEST(Container, IsAskedAtItsOwnHostsOrOverTls) {
    const struct {
        const char* uri;
        bool asked;
        bool checked; // the name's addresses too
    } cases[] = {
        {"http://127.0.0.1:80/c", true, true},
        {"http://127.9.9.9/c", true, true},
        {"http://[::1]/c", true, true},
        {"http://169.254.170.2/c", true, true},
        {"http://169.254.170.23/c", true, true},
        {"http://[fd00:ec2::23]/c", true, true},
        {"http://localhost/c", true, true},
        {"http://evil.test/c", true, true},
        {"https://any.test/c", true, false},
        {"http://169.254.169.254/c", false, false},
        {"http://169.254.170.3/c", false, false},
        {"http://10.0.0.1/c", false, false},
        {"http://[fe80::1]/c", false, false},
        {"ftp://localhost/CANARY", false, false},
        {"CANARY", false, false},
    };

    for (const auto& [uri, asked, checked] : cases) {
        SCOPED_TRACE(uri);
        MadeSurroundings made;
        made.answer = [](const HttpCall&) { return HttpAnswer{200, keys_json}; };
        made.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = uri;
        if (asked) {
            expect_found(*search(made, container_credentials));
            EXPECT_EQ(made.calls.at(0).container_hosts_only, checked);
            continue;
        }
        expect_refused(
            error_of([&] { search(made, container_credentials); }),
            "credentials from container",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI");
        EXPECT_TRUE(made.calls.empty());
    }
    for (const char* no : {"169.254.170.1", "128.0.0.1", "::2", "localhost", "", "1.2.3"})
        EXPECT_FALSE(container_address(no)) << no;
}

TEST(Container, RefusesWhatCannotBe) {
    MadeSurroundings made;
    const auto refused = [&](const char* part) {
        expect_refused(
            error_of([&] { search(made, container_credentials); }),
            "credentials from container",
            part);
    };
    made.variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "@evil.test/CANARY";
    refused("begins without '/'");
    made.variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/c";
    made.variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "CANARY\r\nX: y";
    refused("more than one line");
    made.variables.erase("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    refused("connection refused");
    for (const char* body :
         {"",
          "[]",
          "CANARY",
          "{",
          R"({"AccessKeyId":"ID"})",
          R"({"AccessKeyId":1,"SecretAccessKey":2})",
          R"({"AccessKeyId":"ID","SecretAccessKey":"CANARY","Expiration":"CANARY"})"}) {
        made.answer = [&](const HttpCall&) { return HttpAnswer{200, body}; };
        refused("no credentials");
    }
    made.answer = [](const HttpCall&) { return HttpAnswer{403, "CANARY"}; };
    refused("status 403");
}

} // namespace
} // namespace tz
