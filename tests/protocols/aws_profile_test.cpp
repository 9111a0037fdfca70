#include "support/made_surroundings.hpp"
#include <tz/format/error.hpp>
#include <tz/protocols/aws_profile.hpp>

#include <gtest/gtest.h>

namespace tz {
namespace {

using test::error_of;

constexpr const char* keys = "aws_access_key_id = ID\naws_secret_access_key = CANARY\n";

AwsProfile profile_of(const std::string& config, const std::string& name = "default") {
    const IniFile file(config, "config");
    return read_profile(&file, nullptr, name).value();
}

TEST(IniFile, ReadsWhatBotocoreReads) {
    for (const auto& row : test::botocore_table("ini")) {
        const std::string text = row.at("text");
        SCOPED_TRACE(text);
        if (row.contains("error")) {
            EXPECT_THROW(IniFile(text, "f"), Error);
            continue;
        }
        const IniFile file(text, "f");
        EXPECT_EQ(file.sections().size(), row.at("sections").size());
        for (const auto& [section, values] : row.at("sections").items()) {
            EXPECT_TRUE(file.has(section));
            for (const auto& [key, value] : values.items()) {
                if (value.is_string()) {
                    EXPECT_EQ(file.value(section, key), value.get<std::string>()) << key;
                    continue;
                }
                EXPECT_EQ(file.value(section, key), std::nullopt);
                for (const auto& [inner, one] : value.items())
                    EXPECT_EQ(file.nested(section, key, inner), one.get<std::string>()) << inner;
            }
        }
    }
}

TEST(IniFile, HasNothingThatIsNotThere) {
    const IniFile file("[DEFAULT]\na = 1\n[x]\nb = 2\ns3 =\n  c = 3\n", "f");
    EXPECT_FALSE(file.has("DEFAULT"));
    EXPECT_FALSE(file.has("y"));
    EXPECT_EQ(file.value("y", "a"), std::nullopt);
    EXPECT_EQ(file.value("x", "c"), std::nullopt);
    EXPECT_EQ(file.nested("x", "b", "c"), std::nullopt);
    EXPECT_EQ(file.nested("x", "s3", "d"), std::nullopt);
}

TEST(IniFile, NamesFileAndLineOfAMistakeButNotItsText) {
    const struct {
        const char* text;
        const char* line;
    } cases[] = {
        {"CANARY\n", "line 1 stands before"},
        {"\n# x\nCANARY = 1\n", "line 3 stands before"},
        {"[default]\r\n\r\nCANARY\r\n", "line 3 is neither"},
        {"[default]\na = 1\n= CANARY\n", "line 3 is neither"},
        {"[default]\nCANARY = 1\n\nCANARY = 2\n", "line 4 sets a key"},
        {"[CANARY]\n[x]\n[CANARY]\n", "line 3 begins a section"},
        {"[default]\ns3 =\n  a = 1\n  CANARY\n", "line 4 is not"},
    };

    for (const auto& [text, line] : cases) {
        const Error error = error_of([&] { IniFile(text, "~/.aws/config"); });
        EXPECT_EQ(error.kind(), errc::denied);
        EXPECT_EQ(std::string(error.what()).find("~/.aws/config: " + std::string(line)), 0u)
            << error.what();
        EXPECT_EQ(std::string(error.what()).find("CANARY"), std::string::npos);
        EXPECT_FALSE(error.hint().empty());
    }
}

TEST(IniFile, RefusesWhatIsTooLargeOrNoText) {
    const std::string full = "[a]\n#" + std::string(ini_bytes_max - 5, 'x');
    EXPECT_NO_THROW(IniFile(full, "f"));
    EXPECT_EQ(error_of([&] { IniFile(full + "x", "f"); }).kind(), errc::denied);
    EXPECT_EQ(error_of([&] { IniFile("[a]\nb = \xff\n", "f"); }).kind(), errc::denied);
}

TEST(IniFile, TakesTokensOfAnyLength) {
    const std::string token(5000, 't');
    EXPECT_EQ(IniFile("[a]\nb = " + token, "f").value("a", "b"), token);
}

TEST(AwsProfile, TakesAWholePairFromOneFile) {
    const IniFile config(std::string("[default]\nregion = r\n") + keys, "~/.aws/config");
    const IniFile credentials("[default]\naws_access_key_id = CANARY\n", "~/.aws/credentials");
    const Error error = error_of([&] { read_profile(&config, &credentials, "default"); });
    EXPECT_EQ(error.kind(), errc::denied);
    EXPECT_STREQ(
        error.what(),
        "~/.aws/credentials: section [default] has aws_access_key_id without "
        "aws_secret_access_key; set both or neither");
    const Error other =
        error_of([&] { profile_of("[default]\naws_secret_access_key = CANARY\n"); });
    EXPECT_EQ(std::string(other.what()).find("CANARY"), std::string::npos);
    EXPECT_EQ(read_profile(&config, nullptr, "default")->keys_file, "~/.aws/config");
}

TEST(AwsProfile, CountsEmptyKeysAsNone) {
    const AwsProfile profile =
        profile_of("[default]\naws_access_key_id =\naws_secret_access_key =\n");
    EXPECT_FALSE(profile.keys.has_value());
    EXPECT_EQ(profile.keys_file, "");
}

TEST(AwsProfile, ReadsWhatElseAProfileSays) {
    const AwsProfile profile = profile_of(
        "[profile x]\nregion = eu-west-1\ns3 =\n  addressing_style = path\nrole_arn = arn:x\n"
        "web_identity_token_file = /t\nrole_session_name = n\n"
        "ignore_configured_endpoint_urls = True\nservices = s\nendpoint_url = https://g\n"
        "[services s]\ns3 =\n  endpoint_url = https://s3\n",
        "x");
    EXPECT_EQ(profile.name, "x");
    EXPECT_EQ(profile.region, "eu-west-1");
    EXPECT_EQ(profile.addressing_style, "path");
    EXPECT_EQ(profile.role_arn, "arn:x");
    EXPECT_EQ(profile.web_identity_token_file, "/t");
    EXPECT_EQ(profile.role_session_name, "n");
    EXPECT_TRUE(profile.ignore_configured_endpoint_urls);
    EXPECT_EQ(profile.endpoint_url, "https://s3");
    EXPECT_EQ(profile.sts_endpoint_url, "https://g");
    EXPECT_EQ(profile.unsupported, "");
}

TEST(AwsProfile, NamesWaysThatAreNotSupported) {
    const struct {
        const char* line;
        const char* name;
    } cases[] = {
        {"credential_process = CANARY", "credential_process"},
        {"sso_session = CANARY", "sso"},
        {"sso_start_url = CANARY", "sso"},
        {"login_session = CANARY", "login_session"},
        {"source_profile = CANARY", "role_arn with source_profile"},
        {"credential_source = CANARY", "role_arn with credential_source"},
    };

    for (const auto& [line, name] : cases)
        EXPECT_EQ(profile_of(std::string("[default]\n") + line).unsupported, name);
}

TEST(AwsProfile, IsNotThereWhereNeitherFileHasIt) {
    const IniFile config(
        "[default]\n[plain]\n[profile 'open]\n[profile a b]\n[profile end\\]\n", "c");
    for (const char* name : {"plain", "open", "a", "b", "end", "profile"})
        EXPECT_FALSE(read_profile(&config, nullptr, name).has_value()) << name;
    EXPECT_FALSE(read_profile(nullptr, nullptr, "default").has_value());
    EXPECT_TRUE(read_profile(&config, nullptr, "default").has_value());
}

TEST(S3cfg, ReadsWhatTensorizerReads) {
    const S3cmdConfig config = read_s3cfg(IniFile(
        "[default]\naccess_key = ID\nsecret_key = S\naccess_token = T\nhost_base = h.test\n"
        "host_bucket = %(bucket)s.h.test\nuse_https = True\n",
        "~/.s3cfg"));
    EXPECT_EQ(config.keys->access_key_id, "ID");
    EXPECT_EQ(test::text(config.keys->secret), "S");
    EXPECT_EQ(test::text(config.keys->token), "T");
    EXPECT_EQ(config.host_base, "h.test");
    EXPECT_EQ(config.use_https, true);
    EXPECT_EQ(read_s3cfg(IniFile("[default]\nuse_https = False\n", "f")).use_https, false);
    const S3cmdConfig empty = read_s3cfg(IniFile("[other]\naccess_key = ID\n", "f"));
    EXPECT_FALSE(empty.keys || empty.use_https);
    EXPECT_EQ(
        error_of([] { read_s3cfg(IniFile("[default]\naccess_key = CANARY\n", "f")); }).kind(),
        errc::denied);
}

} // namespace
} // namespace tz
