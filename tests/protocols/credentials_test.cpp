// The search for credentials as a table: from made-up environments and files to keys or an error.
#include "support/made_surroundings.hpp"
#include <tz/protocols/credentials.hpp>

#include <gtest/gtest.h>

namespace tz {
namespace {

using test::error_of;
using test::MadeSurroundings;
using test::secret;
using test::text;

Credentials search(
    MadeSurroundings& made,
    const S3Options& options = {},
    bool endpoint_given = true,
    bool allow_http = false) {
    const Surroundings surroundings = made.get();
    S3Settings settings(options, surroundings);
    return find_credentials(settings, endpoint_given, allow_http);
}

std::string pair_in_file(const std::string& section, const std::string& name) {
    return "[" + section + "]\naws_access_key_id = " + name + "\naws_secret_access_key = CANARY-" +
           name + "\n";
}

TEST(Credentials, AreFoundAsBotocoreFindsThem) {
    for (const auto& row : test::botocore_table("chain")) {
        SCOPED_TRACE(row.dump());
        MadeSurroundings made;
        test::put_case(made, row);
        S3Options options;
        options.profile = test::text_or_empty(row.at("profile"));
        if (row.contains("error")) {
            EXPECT_EQ(error_of([&] { search(made, options); }).kind(), errc::denied);
            continue;
        }
        const Credentials found = search(made, options);
        EXPECT_EQ(found.access_key_id, test::text_or_empty(row.at("id")));
        if (found.anonymous())
            continue;
        EXPECT_EQ(text(found.secret), row.at("secret").get<std::string>());
        EXPECT_EQ(text(found.token), test::text_or_empty(row.at("token")));
    }
}

/// All places, each with keys of its own.
MadeSurroundings everywhere() {
    MadeSurroundings made;
    made.variables.insert({
        {"AWS_ACCESS_KEY_ID", "env"},
        {"AWS_SECRET_ACCESS_KEY", "CANARY-env"},
        {"S3_ACCESS_KEY_ID", "s3"},
        {"S3_SECRET_ACCESS_KEY", "CANARY-s3"},
        {"AWS_KEY", "tutorial"},
        {"AWS_SECRET", "CANARY-tutorial"},
        {"AWS_ROLE_ARN", "arn:role"},
        {"AWS_WEB_IDENTITY_TOKEN_FILE", "/token"},
        {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/c"},
    });
    made.files = {
        {"/home/u/.aws/credentials", pair_in_file("default", "file")},
        {"/home/u/.aws/config", pair_in_file("default", "config")},
        {"/home/u/.s3cfg", "[default]\naccess_key = s3cfg\nsecret_key = CANARY-s3cfg\n"},
        {"/token", "CANARY-web-token\n"},
    };
    made.answer = [](const HttpCall& call) -> HttpAnswer {
        if (call.method == "POST")
            return {
                200,
                "<AssumeRoleWithWebIdentityResponse xmlns=\"x\"><AssumeRoleWithWebIdentityResult>"
                "<Credentials><AccessKeyId>web</AccessKeyId><SecretAccessKey>CANARY-web"
                "</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2027-01-15T09:00:00Z"
                "</Expiration></Credentials></AssumeRoleWithWebIdentityResult>"
                "</AssumeRoleWithWebIdentityResponse>"};
        if (call.url.path == "/c")
            return {
                200,
                R"({"AccessKeyId":"container","SecretAccessKey":"CANARY-container","Token":"t",)"
                R"("Expiration":"2027-01-15T09:00:00Z"})"};
        if (call.method == "PUT")
            return {200, "session"};
        if (call.url.path.ends_with("/"))
            return {200, "role-1\n"};
        return {
            200,
            R"({"Code":"Success","AccessKeyId":"instance","SecretAccessKey":"CANARY-instance",)"
            R"("Token":"t","Expiration":"2027-01-15T09:00:00Z"})"};
    };
    return made;
}

TEST(Credentials, ComeFromTheFirstPlaceInTheWrittenOrder) {
    MadeSurroundings made = everywhere();
    S3Options options;
    options.access_key_id = "options";
    options.secret_access_key = secret("CANARY-options");
    const auto next = [&](const char* id, const char* provider) {
        const Credentials found = search(made, options, false);
        EXPECT_EQ(found.access_key_id, id);
        EXPECT_EQ(text(found.secret), std::string("CANARY-") + id);
        EXPECT_EQ(found.provider, provider);
        EXPECT_EQ(denied_hint(found).find("CANARY"), std::string::npos);
        EXPECT_NE(denied_hint(found).find(provider), std::string::npos);
    };
    const auto without = [&](const char* id, const char* key) {
        made.variables.erase(id);
        made.variables.erase(key);
    };
    next("options", "options");
    options = {};
    next("env", "environment");
    without("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
    next("file", "~/.aws/credentials, profile default");
    made.files.erase("/home/u/.aws/credentials");
    next("config", "~/.aws/config, profile default");
    made.files.erase("/home/u/.aws/config");
    next("s3cfg", "~/.s3cfg");
    made.files.erase("/home/u/.s3cfg");
    next("s3", "S3_ACCESS_KEY_ID");
    without("S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY");
    next("tutorial", "AWS_KEY");
    without("AWS_KEY", "AWS_SECRET");
    next("web", "web identity");
    without("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE");
    next("container", "container");
    without("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "");
    next("instance", "instance metadata");
    made.variables["AWS_EC2_METADATA_DISABLED"] = "TRUE";
    const Credentials none = search(made, {}, false);
    EXPECT_TRUE(none.anonymous());
    EXPECT_EQ(
        denied_hint(none),
        "no credentials found; looked in environment, ~/.aws/credentials, ~/.aws/config, ~/.s3cfg, "
        "S3_ACCESS_KEY_ID, AWS_KEY, web identity, container. Try AWS_PROFILE=... or "
        "--no-sign-request");
}

TEST(Credentials, OfAProfileInTheOptionsGoBeforeTheEnvironments) {
    MadeSurroundings made = everywhere();
    made.files["/home/u/.aws/credentials"] = pair_in_file("x", "file");
    S3Options options;
    options.profile = "x";
    EXPECT_EQ(search(made, options).access_key_id, "file");
    made.files["/home/u/.aws/credentials"] = "[x]\nregion = r\n";
    EXPECT_EQ(search(made, options).access_key_id, "s3cfg");
    made.files.erase("/home/u/.s3cfg");
    EXPECT_EQ(search(made, options).access_key_id, "container");
}

TEST(Credentials, AreNoneWhereItIsAskedFor) {
    MadeSurroundings made = everywhere();
    S3Options options;
    options.no_sign_request = true;
    EXPECT_TRUE(search(made, options).anonymous());
    EXPECT_EQ(denied_hint(search(made, options)), "not signed, because of no_sign_request");
    options.access_key_id = "id";
    EXPECT_EQ(error_of([&] { search(made, options); }).kind(), errc::usage);
    made.variables["awsAnonymousCredential"] = "true";
    EXPECT_EQ(search(made).provider, "awsAnonymousCredential");
    made.variables["awsAnonymousCredential"] = "false";
    EXPECT_EQ(search(made).access_key_id, "env");
    EXPECT_TRUE(made.calls.empty());
}

TEST(Credentials, OfHalfAPairAreAnErrorThatNamesTheSource) {
    const struct {
        const char* variable;
        const char* source;
    } cases[] = {
        {"AWS_ACCESS_KEY_ID", "credentials from environment"},
        {"AWS_SECRET_ACCESS_KEY", "credentials from environment"},
        {"S3_ACCESS_KEY_ID", "credentials from environment"},
        {"S3_SECRET_ACCESS_KEY", "credentials from environment"},
        {"AWS_KEY", "credentials from environment"},
        {"AWS_SECRET", "credentials from environment"},
    };

    for (const auto& [variable, source] : cases) {
        MadeSurroundings made;
        made.variables[variable] = "CANARY";
        const Error error = error_of([&] { search(made); });
        EXPECT_EQ(error.kind(), errc::denied) << variable;
        EXPECT_EQ(error.source(), source);
        EXPECT_NE(std::string(error.what()).find(variable), std::string::npos);
        EXPECT_EQ(std::string(error.what()).find("CANARY"), std::string::npos);
    }
    MadeSurroundings made;
    S3Options options;
    options.access_key_id = "CANARY";
    EXPECT_STREQ(
        error_of([&] { search(made, options); }).what(),
        "credentials from options: access_key_id is set without secret_access_key; set both or "
        "neither");
    options.access_key_id.clear();
    options.secret_access_key = secret("CANARY");
    EXPECT_EQ(error_of([&] { search(made, options); }).kind(), errc::denied);
}

TEST(Credentials, TellWhenTheyExpire) {
    MadeSurroundings made = everywhere();
    made.variables["AWS_CREDENTIAL_EXPIRATION"] = "2027-01-15T08:00:01Z";
    EXPECT_EQ(search(made).expires, made.time + std::chrono::seconds(1));
    made.variables["AWS_CREDENTIAL_EXPIRATION"] = "CANARY";
    const Error error = error_of([&] { search(made); });
    EXPECT_EQ(error.kind(), errc::denied);
    EXPECT_EQ(std::string(error.what()).find("CANARY"), std::string::npos);
}

TEST(Credentials, AreReadFromTheFilesThatTheEnvironmentNames) {
    MadeSurroundings made;
    made.variables["AWS_SHARED_CREDENTIALS_FILE"] = "~/c";
    made.variables["AWS_CONFIG_FILE"] = "/f";
    made.files["/home/u/c"] = pair_in_file("default", "file");
    EXPECT_EQ(search(made).provider, "~/c, profile default");
    made.files["/home/u/c"] = "[default]\n";
    made.files["/f"] = pair_in_file("default", "config");
    EXPECT_EQ(search(made).provider, "/f, profile default");
    made.variables.erase("HOME");
    EXPECT_EQ(search(made).provider, "/f, profile default");
    made.files.clear();
    EXPECT_TRUE(search(made).anonymous());
}

TEST(Credentials, OfAMalformedFileAreAnError) {
    for (const char* path : {"/home/u/.aws/credentials", "/home/u/.aws/config", "/home/u/.s3cfg"}) {
        MadeSurroundings made;
        made.files[path] = "[default]\nCANARY\n";
        const Error error = error_of([&] { search(made); });
        EXPECT_EQ(error.kind(), errc::denied);
        EXPECT_EQ("/home/u" + error.source().substr(1), path);
        EXPECT_NE(std::string(error.what()).find("line 2"), std::string::npos);
        EXPECT_EQ(std::string(error.what()).find("CANARY"), std::string::npos);
    }
}

TEST(Credentials, OfAProfileThatNeedsWhatIsMissingHere) {
    MadeSurroundings made;
    made.files["/home/u/.aws/config"] =
        "[default]\nsso_session = s\n[profile p]\ncredential_process = CANARY\n";
    EXPECT_NE(
        denied_hint(search(made)).find("~/.aws/config (sso is not supported)"), std::string::npos);
    made.variables["AWS_PROFILE"] = "p";
    const Error error = error_of([&] { search(made); });
    EXPECT_EQ(error.kind(), errc::denied);
    EXPECT_EQ(
        std::string(error.what())
            .find("credentials from profile p: credential_process is not supported; "),
        0u);
    EXPECT_EQ(std::string(error.what()).find("CANARY"), std::string::npos);
}

} // namespace
} // namespace tz
