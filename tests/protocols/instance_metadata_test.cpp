// The metadata service of EC2: what it is asked, within which time, and what is taken from it.
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

std::optional<Credentials> search(MadeSurroundings& made) {
    const Surroundings surroundings = made.get();
    const S3Options options;
    return instance_credentials(S3Settings(options, surroundings));
}

void expect_found(const Credentials& found) {
    EXPECT_EQ(found.access_key_id, "ID");
    EXPECT_EQ(text(found.secret), "CANARY");
    EXPECT_EQ(text(found.token), "CANARY-T");
    EXPECT_EQ(found.expires, std::chrono::system_clock::time_point(1'800'003'600s));
}

void expect_refused(const Error& error, const char* part) {
    EXPECT_EQ(error.kind(), errc::denied);
    EXPECT_EQ(error.source(), "credentials from instance metadata");
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    EXPECT_EQ(std::string(error.what()).find("CANARY"), std::string::npos) << error.what();
    EXPECT_FALSE(error.hint().empty());
}

/// Answers as the service of EC2 does, version 2.
HttpAnswer instance_answer(const HttpCall& call) {
    if (call.method == "PUT")
        return {200, "CANARY-session"};
    if (call.headers.at(0) !=
        std::pair(std::string("X-aws-ec2-metadata-token"), std::string("CANARY-session")))
        return {401, ""};
    if (call.url.path == "/latest/meta-data/iam/security-credentials/")
        return {200, "my-role_1\n"};
    if (call.url.path == "/latest/meta-data/iam/security-credentials/my-role_1")
        return {200, keys_json};
    return {404, ""};
}

TEST(InstanceMetadata, IsAskedInVersion2) {
    MadeSurroundings made;
    made.answer = instance_answer;
    expect_found(*search(made));
    ASSERT_EQ(made.calls.size(), 3u);
    EXPECT_EQ(made.calls[0].url.authority(), "169.254.169.254");
    EXPECT_EQ(made.calls[0].url.target(), "/latest/api/token");
    EXPECT_EQ(
        made.calls[0].headers[0],
        std::pair(std::string("X-aws-ec2-metadata-token-ttl-seconds"), std::string("21600")));
    made.variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = "http://127.0.0.1:1338/";
    search(made);
    EXPECT_EQ(made.calls[3].url.authority(), "127.0.0.1:1338");
    EXPECT_EQ(made.calls[3].url.target(), "/latest/api/token");
    made.variables = {{"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6"}};
    search(made);
    EXPECT_EQ(made.calls[6].url.host, "fd00:ec2::254");
}

TEST(InstanceMetadata, IsNotThereForMostMachines) {
    MadeSurroundings made;
    EXPECT_FALSE(search(made).has_value());    // refused
    for (const int status : {403, 404, 405}) { // version 1 only
        made.answer = [&](const HttpCall&) { return HttpAnswer{status, ""}; };
        EXPECT_FALSE(search(made).has_value());
    }
    made.answer = [](const HttpCall& call) { // no role
        return call.method == "PUT" ? HttpAnswer{200, "t"} : HttpAnswer{404, ""};
    };
    EXPECT_FALSE(search(made).has_value());
}

TEST(InstanceMetadata, GetsThreeSecondsInAll) {
    MadeSurroundings made;
    std::chrono::milliseconds asked{};
    int answers = 0; // before it is silent
    made.answer = [&](const HttpCall& call) -> HttpAnswer {
        EXPECT_LE(call.timeout, 1s);
        if (answers-- > 0) {
            made.time += 900ms;
            asked += 900ms;
            return instance_answer(call);
        }
        made.time += call.timeout;
        asked += call.timeout;
        throw Error(errc::transport, "no answer in time");
    };
    for (const int before : {0, 1, 2}) {
        asked = {};
        answers = before;
        const std::size_t calls = made.calls.size();
        if (before < 2)
            EXPECT_FALSE(search(made).has_value());
        else
            expect_refused(error_of([&] { search(made); }), "in time");
        EXPECT_LE(asked, 3s);
        EXPECT_EQ(made.calls.size() - calls, before + 2u);
    }
}

TEST(InstanceMetadata, GetsNoMoreTimeFromAClockThatIsSetBack) {
    MadeSurroundings made;
    made.answer = [&](const HttpCall& call) -> HttpAnswer {
        made.time -= 1h;
        return instance_answer(call);
    };
    expect_found(*search(made)); // three calls of a second
    int failures = 1;
    made.answer = [&](const HttpCall& call) -> HttpAnswer {
        made.time -= 1h;
        if (failures-- > 0)
            throw Error(errc::transport, "reset");
        return instance_answer(call);
    };
    expect_refused(error_of([&] { search(made); }), "in time");
}

TEST(InstanceMetadata, RefusesWhatCannotBe) {
    MadeSurroundings made;

    const struct {
        std::string token, role, keys;
        const char* part;
    } cases[] = {
        {"t\r\nX: y", "r", keys_json, "more than one line"},
        {"t", "../CANARY", keys_json, "name is not valid"},
        {"t", "r?CANARY", keys_json, "name is not valid"},
        {"t", "r", "CANARY", "no credentials"},
        {"t", "r", R"({"Code":"AssumeRoleUnauthorizedAccess"})", "no credentials"},
    };

    for (const auto& one : cases) {
        made.answer = [&](const HttpCall& call) -> HttpAnswer {
            if (call.method == "PUT")
                return {200, one.token};
            return {200, call.url.path.ends_with('/') ? one.role : one.keys};
        };
        expect_refused(error_of([&] { search(made); }), one.part);
    }
    made.variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = "CANARY";
    expect_refused(error_of([&] { search(made); }), "is no URL");
}

} // namespace
} // namespace tz
