#include "support/made_surroundings.hpp"
#include <tz/protocols/s3_address.hpp>

#include <gtest/gtest.h>

namespace tz {
namespace {

using test::error_of;
using test::MadeSurroundings;

std::string shown(const Url& url) {
    return (url.tls ? "https://" : "http://") + url.authority() + url.target();
}

/// The endpoint by options, environment and files.
S3Endpoint
find(const S3Options& options, const test::Texts& variables = {}, const test::Texts& files = {}) {
    MadeSurroundings made;
    for (const auto& [name, value] : variables)
        made.variables[name] = value;
    made.files = files;
    const Surroundings surroundings = made.get();
    S3Settings settings(options, surroundings);
    return find_s3_endpoint(settings);
}

S3Options endpoint_option(const std::string& url) {
    S3Options options;
    options.endpoint_url = url;
    return options;
}

TEST(S3Uri, NamesBucketKeyAndVersion) {
    const struct {
        const char* uri;
        S3Name name;
    } cases[] = {
        {"s3://b/k", {"b", "k", ""}},
        {"S3://Bucket_1/a/b.tensors", {"Bucket_1", "a/b.tensors", ""}},
        {"s3://tenant:b/k", {"tenant:b", "k", ""}},
        {"s3://b//k", {"b", "/k", ""}},
        {"s3://b/a//./../k/", {"b", "a//./../k/", ""}},
        {"s3://b/a%20b+c d", {"b", "a%20b+c d", ""}},
        {"s3://b/a?b#c", {"b", "a?b#c", ""}},
        {"s3://b/k?versionId=v%2B1", {"b", "k", "v+1"}},
        {"s3://b/k?versionid=1", {"b", "k?versionid=1", ""}},
        {"s3://b/k?versionId=1?versionId=2", {"b", "k?versionId=1", "2"}},
    };

    for (const auto& [uri, name] : cases)
        EXPECT_EQ(parse_s3_uri(uri), name) << uri;
}

TEST(S3Uri, RefusesWhatNamesNoObjectAndRepeatsNothing) {
    const std::string uris[] = {
        "",
        "s3:/CANARY/k",
        "https://CANARY/k",
        "s3://",
        "s3://CANARY",
        "s3://CANARY/",
        "s3:///CANARY",
        "s3://id:CANARY@b/k",
        "s3://CAN ARY/k",
        "s3://CANARY\n/k",
        "s3://../CANARY",
        "s3://CANARY/k?versionId=",
        "s3://CANARY/?versionId=1",
        "s3://b/CANARY\xff",
        std::string("s3://b/CANARY\0", 14),
        "s3://" + std::string(256, 'b') + "/k",
        "s3://b/" + std::string(8192, 'k'),
        "s3://b/k?versionId=CANARY%zz",
    };
    for (const std::string& uri : uris) {
        const Error error = error_of([&] { parse_s3_uri(uri); });
        EXPECT_EQ(error.kind(), errc::usage) << uri;
        EXPECT_EQ(std::string(error.what()).find("CANARY"), std::string::npos) << error.what();
    }
    EXPECT_EQ(
        error_of([] { parse_s3_uri("s3://arn:aws:s3:eu-west-1:1:accesspoint/a/k"); }).kind(),
        errc::unsupported);
}

TEST(S3Prefix, NamesABucketAndHowKeysBegin) {
    const struct {
        const char* uri;
        S3Name name;
    } cases[] = {
        {"s3://bucket", {"bucket", "", ""}},
        {"s3://bucket/", {"bucket", "", ""}},
        {"s3://bucket/a b/", {"bucket", "a b/", ""}},
        {"s3://bucket//a", {"bucket", "/a", ""}},
        {"s3://bucket/k?versionId=1", {"bucket", "k?versionId=1", ""}},
    };

    for (const auto& [uri, name] : cases)
        EXPECT_EQ(parse_s3_prefix(uri), name) << uri;
    for (const char* uri : {"", "s3://", "s3:///k", "s3://../k", "s3://b/\xff", "https://b/k"})
        EXPECT_EQ(error_of([&] { parse_s3_prefix(uri); }).kind(), errc::usage) << uri;
}

TEST(S3Endpoint, IsFoundAsBotocoreFindsIt) {
    for (const auto& row : test::botocore_table("endpoint")) {
        SCOPED_TRACE(row.dump());
        MadeSurroundings made;
        test::put_case(made, row);
        S3Options options;
        options.profile = test::text_or_empty(row.at("profile"));
        const Surroundings surroundings = made.get();
        S3Settings settings(options, surroundings);
        if (row.contains("error")) {
            EXPECT_EQ(error_of([&] { find_s3_endpoint(settings); }).kind(), errc::denied);
            continue;
        }
        const S3Endpoint endpoint = find_s3_endpoint(settings);
        std::string expected = row.at("endpoint");
        if (expected == "https://s3.amazonaws.com") // botocore's old name for the same
            expected = "https://s3.us-east-1.amazonaws.com";
        EXPECT_EQ(shown(endpoint.url), expected + "/");
        EXPECT_EQ(endpoint.region, row.at("region").get<std::string>());
        EXPECT_EQ(endpoint.amazon, expected.find(".amazonaws.com") != std::string::npos);
        EXPECT_EQ(endpoint.given, !endpoint.amazon);
    }
}

TEST(S3Address, IsWhatBotocoreMakes) {
    for (const auto& row : test::botocore_table("address")) {
        SCOPED_TRACE(row.dump());
        S3Options options = endpoint_option(test::text_or_empty(row.at("endpoint")));
        options.region = row.at("region");
        S3Endpoint endpoint = find(options);
        if (!row.at("style").is_null())
            endpoint.style = row.at("style") == "path" ? S3Style::path : S3Style::virtual_hosts;
        const S3Address address = s3_address({row.at("bucket"), row.at("key"), ""}, endpoint, true);
        std::string host = row.at("host");
        // where botocore asks the global name, we ask the region's
        if (host.ends_with("s3.amazonaws.com"))
            host.insert(host.size() - 13, options.region + ".");
        EXPECT_EQ(address.host, host);
        EXPECT_EQ(address.url.path, row.at("path").get<std::string>());
        EXPECT_EQ(address.url.tls, row.at("scheme") == "https");
        EXPECT_EQ(address.region, options.region);
        EXPECT_TRUE(address.sign);
    }
}

TEST(S3Endpoint, ComesFromTheFirstThatNamesOne) {
    const test::Texts config{
        {"/home/u/.aws/config", "[default]\nendpoint_url = https://profile.test\n"},
        {"/home/u/.s3cfg", "[default]\nhost_base = s3cfg.test\nuse_https = False\n"}};
    test::Texts files = config;
    test::Texts variables{
        {"AWS_ENDPOINT_URL_S3", "https://e3.test"},
        {"AWS_ENDPOINT_URL", "https://e.test"},
        {"S3_ENDPOINT_URL", "https://vllm.test"},
        {"S3_ENDPOINT", "kserve.test:9000"},
        {"S3_USE_HTTPS", "0"},
        {"AWS_HOST", "object.ord1.coreweave.com"}};
    const auto next = [&](const char* url, const char* source) {
        const S3Endpoint endpoint = find({}, variables, files);
        EXPECT_EQ(shown(endpoint.url), url);
        EXPECT_EQ(endpoint.url_source, source);
        EXPECT_TRUE(endpoint.given);
        variables.erase(source);
    };
    EXPECT_EQ(
        shown(find(endpoint_option("https://o.test"), variables, files).url), "https://o.test/");
    next("https://e3.test/", "AWS_ENDPOINT_URL_S3");
    next("https://e.test/", "AWS_ENDPOINT_URL");
    next("https://profile.test/", "profile default");
    files.erase("/home/u/.aws/config");
    next("http://s3cfg.test/", "~/.s3cfg");
    files.clear();
    next("https://vllm.test/", "S3_ENDPOINT_URL");
    next("http://kserve.test:9000/", "S3_ENDPOINT");
    next("https://object.ord1.coreweave.com/", "AWS_HOST");
    const S3Endpoint last = find({}, variables, files);
    EXPECT_EQ(shown(last.url), "https://s3.us-east-1.amazonaws.com/");
    EXPECT_FALSE(last.given);
}

TEST(S3Endpoint, KnowsCoreWeavesByName) {
    EXPECT_EQ(shown(find(endpoint_option("coreweave")).url), "https://object.ord1.coreweave.com/");
    const S3Endpoint fast = find({}, {{"AWS_ENDPOINT_URL", "coreweave-accelerated"}});
    EXPECT_EQ(shown(fast.url), "https://accel-object.ord1.coreweave.com/");
    const S3Address address = s3_address({"tensorized", "m/x.tensors", ""}, fast, false);
    EXPECT_EQ(shown(address.url), "https://accel-object.ord1.coreweave.com/tensorized/m/x.tensors");
    EXPECT_FALSE(address.sign);
    const S3Address lota =
        s3_address({"bucket", "k", ""}, find(endpoint_option("https://cwlota.com")), true);
    EXPECT_EQ(lota.host, "bucket.cwlota.com");
}

TEST(S3Endpoint, TakesS3cmdsOwnHostForAmazon) {
    const S3Endpoint endpoint =
        find({}, {}, {{"/home/u/.s3cfg", "[default]\nhost_base = s3.amazonaws.com\n"}});
    EXPECT_TRUE(endpoint.amazon);
    EXPECT_EQ(endpoint.url.host, "s3.us-east-1.amazonaws.com");
}

TEST(S3Endpoint, RefusesWhatIsNoEndpoint) {
    for (const char* url : {"https://u:CANARY@h.test", "https://h.test/?CANARY", "ftp://h.test"}) {
        const Error error = error_of([&] { find(endpoint_option(url)); });
        EXPECT_EQ(error.kind(), errc::usage) << url;
        EXPECT_EQ(error.source(), "the endpoint of options");
        EXPECT_EQ(std::string(error.what()).find("CANARY"), std::string::npos);
    }
}

TEST(S3Endpoint, TakesTheRegionOfTheFirstThatNamesOne) {
    const test::Texts files{{"/home/u/.aws/config", "[default]\nregion = eu-west-3\n"}};
    test::Texts variables{{"AWS_REGION", "eu-west-1"}, {"AWS_DEFAULT_REGION", "eu-west-2"}};
    S3Options options;
    options.region = "ap-south-1";
    EXPECT_EQ(find(options, variables, files).region, "ap-south-1");
    EXPECT_EQ(find({}, variables, files).region, "eu-west-1");
    variables.erase("AWS_REGION");
    EXPECT_EQ(find({}, variables, files).region, "eu-west-2");
    variables.clear();
    EXPECT_EQ(find({}, variables, files).region, "eu-west-3");
    EXPECT_EQ(find({}).region, "us-east-1");
    EXPECT_EQ(find({}, {{"AWS_REGION", "aws-global"}}).region, "us-east-1");
}

TEST(S3Endpoint, AsksAmazonInTheRegionsPartition) {
    const struct {
        const char* region;
        const char* host;
    } cases[] = {
        {"eu-central-2", "s3.eu-central-2.amazonaws.com"},
        {"cn-northwest-1", "s3.cn-northwest-1.amazonaws.com.cn"},
        {"us-gov-east-1", "s3.us-gov-east-1.amazonaws.com"},
        {"us-iso-east-1", "s3.us-iso-east-1.c2s.ic.gov"},
        {"us-isob-east-1", "s3.us-isob-east-1.sc2s.sgov.gov"},
        {"eusc-de-east-1", "s3.eusc-de-east-1.amazonaws.eu"},
    };

    for (const auto& [region, host] : cases)
        EXPECT_EQ(find({}, {{"AWS_REGION", region}}).url.host, host);
}

TEST(S3Endpoint, RefusesRegionsThatWouldChangeTheHostOrAHeader) {
    for (const char* region : {"evil.test/", "a b", "a\r\nb", "x@y", "a/b", "EU", "-", "a_b"})
        EXPECT_EQ(error_of([&] { find({}, {{"AWS_REGION", region}}); }).kind(), errc::usage)
            << region;
    S3Options options = endpoint_option("http://ceph.test");
    options.region = "Zone_1";
    EXPECT_EQ(find(options).region, "Zone_1");
    options.region = "a/b";
    EXPECT_EQ(error_of([&] { find(options); }).kind(), errc::usage);
}

TEST(S3Endpoint, HonoursKServesVariables) {
    test::Texts variables{{"S3_ENDPOINT", "minio.test:9000"}};
    EXPECT_EQ(shown(find({}, variables).url), "https://minio.test:9000/");
    EXPECT_TRUE(find({}, variables).verify_tls);
    EXPECT_EQ(find({}, variables).style, S3Style::automatic);
    variables["S3_VERIFY_SSL"] = "0";
    variables["S3_USER_VIRTUAL_BUCKET"] = "true";
    EXPECT_FALSE(find({}, variables).verify_tls);
    EXPECT_EQ(find({}, variables).style, S3Style::virtual_hosts);
    EXPECT_TRUE(find(endpoint_option("https://o.test"), variables).verify_tls);
    EXPECT_TRUE(find({}, {{"S3_VERIFY_SSL", "0"}}).verify_tls); // Amazon
    variables["S3_VERIFY_SSL"] = "1";
    EXPECT_TRUE(find({}, variables).verify_tls);
}

TEST(S3Address, TakesTheStyleOfTheFirstThatNamesOne) {
    const test::Texts virtual_hosts{
        {"/home/u/.aws/config", "[default]\ns3 =\n  addressing_style = virtual\n"}};
    const test::Texts path{{"/home/u/.aws/config", "[default]\ns3 =\n  addressing_style = path\n"}};
    S3Options options = endpoint_option("https://h.test");
    const S3Name name{"bucket", "k", ""};
    EXPECT_EQ(s3_address(name, find(options), true).host, "h.test");
    EXPECT_EQ(s3_address(name, find(options, {}, virtual_hosts), true).host, "bucket.h.test");
    const test::Texts kserve{{"S3_USER_VIRTUAL_BUCKET", "1"}};
    EXPECT_EQ(s3_address(name, find(options, kserve, path), true).host, "h.test");
    EXPECT_EQ(s3_address(name, find({}, {}, path), true).host, "s3.us-east-1.amazonaws.com");
    options.virtual_hosts = true;
    EXPECT_EQ(s3_address(name, find(options, {}, path), true).host, "bucket.h.test");
    options.virtual_hosts = false;
    EXPECT_EQ(s3_address(name, find(options, {}, virtual_hosts), true).host, "h.test");
}

TEST(S3Address, RefusesVirtualHostsWhereTheyCannotBe) {
    S3Options options = endpoint_option("https://h.test");
    options.virtual_hosts = true;
    for (const char* bucket :
         {"Bucket", "under_score", "ab", "a..b", "a.-b", "-ab", "ab-", "a:bcd"})
        EXPECT_EQ(
            error_of([&] { s3_address({bucket, "k", ""}, find(options), true); }).kind(),
            errc::usage)
            << bucket;
    EXPECT_EQ(s3_address({"a.bc", "k", ""}, find(options), true).host, "a.bc.h.test");
    options.endpoint_url = "http://[::1]:9000";
    EXPECT_EQ(
        error_of([&] { s3_address({"bucket", "k", ""}, find(options), true); }).kind(),
        errc::usage);
}

TEST(S3Address, AsksForTheVersion) {
    const S3Address address =
        s3_address({"t:bucket", "k", "a+b/c"}, find(endpoint_option("http://h.test:81/x")), true);
    EXPECT_EQ(address.url.target(), "/x/t%3Abucket/k?versionId=a%2Bb%2Fc");
    EXPECT_EQ(address.host, "h.test:81");
}

TEST(RegionAnswer, IsFollowedAtAmazonOnly) {
    const std::string body =
        "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>";
    const S3Name name{"bucket", "k", ""};
    const S3Endpoint amazon = find({});
    const S3Address asked = s3_address(name, amazon, true);
    const S3Address elsewhere = s3_address(name, find(endpoint_option("https://h.test")), true);

    const struct {
        const S3Address& asked;
        int status;
        std::optional<std::string> header;
        std::string body;
        std::optional<std::string> region;
    } cases[] = {
        {asked, 301, "eu-west-1", "", "eu-west-1"},
        {asked, 307, "eu-west-1", body, "eu-west-1"},
        {asked, 400, std::nullopt, body, "eu-west-1"},
        {asked, 400, "eu-west-2", body, "eu-west-2"},
        {asked, 301, std::nullopt, "", std::nullopt},
        {asked, 301, "us-east-1", "", std::nullopt},
        {asked, 403, "eu-west-1", "", std::nullopt},
        {asked, 200, "eu-west-1", "", std::nullopt},
        {asked, 301, "evil.test/", "", std::nullopt},
        {asked, 301, "x.y", "", std::nullopt},
        {asked, 301, std::string(33, 'a'), "", std::nullopt},
        {elsewhere, 301, "eu-west-1", body, std::nullopt},
    };

    for (const auto& one : cases)
        EXPECT_EQ(region_answer(one.asked, one.status, one.header, one.body), one.region)
            << one.status << one.header.value_or("");
    const S3Address moved = s3_address(name, in_region(amazon, "eu-west-1"), true);
    EXPECT_EQ(moved.host, "bucket.s3.eu-west-1.amazonaws.com");
    EXPECT_EQ(moved.region, "eu-west-1");
}

} // namespace
} // namespace tz
