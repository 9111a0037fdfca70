#include "support/program.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>

namespace tz::test {
namespace {

using Json = nlohmann::json;

TEST(Info, TellsTheMachinesFacts) {
    const Outcome outcome = run({"info", "--json", "--path", "/"});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const Json facts = Json::parse(outcome.out);
    EXPECT_EQ(facts["schema"], "tz-info/1");
    EXPECT_TRUE(facts["kernel"].get<std::string>().starts_with("Linux "));
    const bool usable = facts["io_uring"]["usable"];
    EXPECT_EQ(facts["io_uring"]["reason"].is_null(), usable);
    EXPECT_EQ(facts["io_uring"]["features"].empty(), !usable);
    EXPECT_EQ(facts["path"]["name"], "/");
    EXPECT_TRUE(facts["path"]["filesystem"].is_string());
    EXPECT_TRUE(facts["path"]["direct"].is_boolean());
    EXPECT_TRUE(facts["path"]["alignment"].is_number_unsigned());
    EXPECT_GE(facts["cpu"]["cores_usable"], 1);
    EXPECT_GT(facts["memory"]["total_bytes"], facts["memory"]["available_bytes"]);
    for (const char* name : {"boost", "openssl", "libsodium", "zlib", "liburing", "isa-l"})
        EXPECT_NE(facts["libraries"][name], "") << name;
}

TEST(Info, IsReadableByPeople) {
    const std::string text = run({"info"}).out;
    for (const char* line :
         {"tz          0.1.0",
          "\nkernel ",
          "\nio_uring ",
          "\nmemlock ",
          "\npath        .: ",
          "\ncpu ",
          "\nfeatures ",
          "\nmemory ",
          "\ngpu ",
          "\ns3 "})
        EXPECT_NE(text.find(line), std::string::npos) << line;
}

TEST(Info, NamesTheGpusThatTheDriverFinds) {
    const RunOptions fake{.environment = {"LD_LIBRARY_PATH=" TZ_FAKE_CUDA}};
    const Json gpu = Json::parse(run({"info", "--json"}, fake).out)["gpu"];
    EXPECT_EQ(gpu["cuda"], "12.8");
    EXPECT_EQ(gpu["reason"], Json());
    ASSERT_EQ(gpu["devices"].size(), 2u);
    EXPECT_EQ(gpu["devices"][1]["name"], "Second GPU");
    EXPECT_EQ(gpu["devices"][1]["memory_bytes"], 16ull << 30);
    EXPECT_NE(
        run({"info"}, fake).out.find("First GPU (16.0 GiB), Second GPU (16.0 GiB), CUDA 12.8"),
        std::string::npos);
}

TEST(Info, SaysWhyThereIsNoGpu) {
    const Json gpu = Json::parse(run({"info", "--json"}).out)["gpu"];
    EXPECT_EQ(gpu["reason"].is_null(), !gpu["devices"].empty());
}

// Of an environment without any settings of S3 but these.
Outcome info_with(std::vector<std::string> settings, std::vector<std::string> options = {}) {
    for (const char* name :
         {"AWS_ACCESS_KEY_ID=",
          "AWS_SECRET_ACCESS_KEY=",
          "AWS_SESSION_TOKEN=",
          "AWS_SECURITY_TOKEN=",
          "AWS_PROFILE=",
          "AWS_DEFAULT_PROFILE=",
          "AWS_ENDPOINT_URL=",
          "AWS_ENDPOINT_URL_S3=",
          "AWS_REGION=",
          "AWS_DEFAULT_REGION=",
          "AWS_WEB_IDENTITY_TOKEN_FILE=",
          "AWS_ROLE_ARN=",
          "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=",
          "AWS_CONTAINER_CREDENTIALS_FULL_URI=",
          "AWS_EC2_METADATA_DISABLED=",
          "AWS_KEY=",
          "AWS_SECRET=",
          "AWS_HOST=",
          "S3_ENDPOINT=",
          "S3_ENDPOINT_URL=",
          "S3_ACCESS_KEY_ID=",
          "S3_SECRET_ACCESS_KEY=",
          "awsAnonymousCredential=",
          "AWS_SHARED_CREDENTIALS_FILE=/nonexistent",
          "AWS_CONFIG_FILE=/nonexistent",
          "HOME=/nonexistent"}) {
        const std::string variable(name, std::string(name).find('=') + 1);
        const auto given = [&](const std::string& one) { return one.starts_with(variable); };
        if (std::none_of(settings.begin(), settings.end(), given))
            settings.emplace_back(name);
    }
    options.insert(options.begin(), "info");
    return run(options, {.environment = settings});
}

Json s3_with(const std::vector<std::string>& settings, std::vector<std::string> options = {}) {
    options.emplace_back("--json");
    const Outcome outcome = info_with(settings, options);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return Json::parse(outcome.out)["s3"];
}

TEST(Info, SaysWhichS3CredentialsWouldBeTaken) {
    const Json environment = s3_with(
        {"AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=x", "AWS_REGION=eu-west-1"});
    EXPECT_EQ(environment["credentials_from"], "environment");
    EXPECT_EQ(environment["not_asked"], false);
    EXPECT_EQ(environment["region"], "eu-west-1");
    EXPECT_EQ(environment["region_from"], "AWS_REGION");
    EXPECT_EQ(environment["endpoint"], "https://s3.eu-west-1.amazonaws.com/");
    EXPECT_EQ(environment["failure"], Json());
    const Json tutorial = s3_with({"AWS_KEY=a", "AWS_SECRET=b", "AWS_HOST=object.example.com"});
    EXPECT_EQ(tutorial["credentials_from"], "AWS_KEY");
    EXPECT_EQ(tutorial["endpoint_from"], "AWS_HOST");
    const Json options = s3_with({}, {"--no-sign-request", "--endpoint-url", "coreweave"});
    EXPECT_EQ(options["credentials_from"], "no_sign_request");
    EXPECT_EQ(options["endpoint"], "https://object.ord1.coreweave.com/");
    EXPECT_EQ(options["endpoint_from"], "options");
}

TEST(Info, AsksNobodyForS3Credentials) {
    const Json metadata = s3_with({});
    EXPECT_EQ(metadata["credentials_from"], "instance metadata");
    EXPECT_EQ(metadata["not_asked"], true);
    const Json container =
        s3_with({"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://169.254.170.23/v1/credentials"});
    EXPECT_EQ(container["credentials_from"], "container");
    EXPECT_EQ(container["not_asked"], true);
    const Json role = s3_with(
        {"AWS_WEB_IDENTITY_TOKEN_FILE=/proc/self/comm", "AWS_ROLE_ARN=arn:aws:iam::1:role/reader"});
    EXPECT_EQ(role["credentials_from"], "web identity");
    EXPECT_EQ(role["not_asked"], true);
    EXPECT_NE(
        info_with({}).out.find("credentials: instance metadata (not asked)"), std::string::npos);
}

TEST(Info, TellsNoS3SecretNotEvenInAFailure) {
    const std::vector<std::vector<std::string>> table{
        {"AWS_ACCESS_KEY_ID=cAnArY", "AWS_SECRET_ACCESS_KEY=cAnArY"},
        {"AWS_SECRET_ACCESS_KEY=cAnArY"},
        {"AWS_ENDPOINT_URL=https://user:cAnArY@host/"}};
    for (const auto& settings : table) {
        for (const bool json : {false, true}) {
            std::vector<std::string> options;
            if (json)
                options.emplace_back("--json");
            const Outcome outcome = info_with(settings, options);
            EXPECT_EQ(outcome.code, 0);
            EXPECT_NE(outcome.out.find("s3"), std::string::npos);
            EXPECT_EQ((outcome.out + outcome.err).find("cAnArY"), std::string::npos) << outcome.out;
        }
    }
    EXPECT_NE(info_with({"AWS_SECRET_ACCESS_KEY=x"}).out.find("unusable: "), std::string::npos);
}

} // namespace
} // namespace tz::test
