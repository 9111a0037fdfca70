// S3's own rules: as botocore signs (tests/data/sigv4_s3.json) and as Amazon's documentation has
// it.
#include "../support/files.hpp"
#include <tz/format/error.hpp>
#include <tz/protocols/sigv4.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace tz {
namespace {

using namespace std::chrono_literals;

const nlohmann::json& data() {
    static const nlohmann::json parsed = [] {
        std::ifstream file(TZ_TEST_DATA "/sigv4_s3.json");
        return nlohmann::json::parse(file);
    }();
    return parsed;
}

std::vector<int> case_numbers() {
    std::vector<int> numbers;
    for (std::size_t i = 0; i < data()["cases"].size(); ++i)
        numbers.push_back(static_cast<int>(i));
    return numbers;
}

/// "20130524T000000Z"
std::chrono::sys_seconds parse_time(const std::string& text) {
    const auto number = [&](int from, int digits) { return std::stoi(text.substr(from, digits)); };
    const std::chrono::year_month_day day(
        std::chrono::year(number(0, 4)),
        std::chrono::month(number(4, 2)),
        std::chrono::day(number(6, 2)));
    return std::chrono::sys_days(day) + std::chrono::hours(number(9, 2)) +
           std::chrono::minutes(number(11, 2)) + std::chrono::seconds(number(13, 2));
}

SigningCredentials credentials(const std::string& token = {}) {
    SigningCredentials made;
    made.access_key_id = data()["access_key_id"];
    made.secret_access_key = test::secret(data()["secret_access_key"]);
    if (!token.empty())
        made.session_token = test::secret(token);
    return made;
}

class Sigv4S3 : public testing::TestWithParam<int> {
protected:
    Sigv4S3() {
        for (const auto& header : case_["headers"])
            headers_.push_back({header[0], header[1]});
        signing_.payload_sha256 = payload_;
    }

    void expect(const SigningSteps& steps) const {
        EXPECT_EQ(steps.canonical_request, case_["canonical_request"].get<std::string>());
        EXPECT_EQ(steps.string_to_sign, case_["string_to_sign"].get<std::string>());
        EXPECT_EQ(steps.signature, case_["signature"].get<std::string>());
    }

    nlohmann::json case_ = data()["cases"][GetParam()];
    std::string method_ = case_["method"];
    Url url_ = parse_url(case_["url"].get<std::string>());
    std::vector<SigningHeader> headers_;
    std::string payload_ = case_.value("payload", std::string(unsigned_payload));
    std::chrono::sys_seconds time_ = parse_time(case_["time"]);
    SigningKey key_{
        credentials(case_["token"]),
        std::chrono::floor<std::chrono::days>(time_),
        case_["region"],
        "s3"};
    SigningRequest signing_{method_, url_, headers_, {}, time_};
};

TEST_P(Sigv4S3, SignsAsBotocoreDoes) {
    SCOPED_TRACE(case_["name"].get<std::string>());
    signing_.headers = headers_;
    SigningSteps steps;
    if (case_.contains("expires")) {
        const std::chrono::seconds valid(case_["expires"].get<int>());
        const std::string query = presign(key_, signing_, valid, &steps);
        expect(steps);
        EXPECT_NO_THROW(parse_url("https://h/?" + query));
        EXPECT_EQ(parse_url("https://h/?" + query).query, query);
    } else {
        const auto added = sign_headers(key_, signing_, &steps);
        expect(steps);
        EXPECT_EQ(added.back().value, case_["authorization"].get<std::string>());
        EXPECT_EQ(added[0], (SigningHeader{"x-amz-date", case_["time"].get<std::string>()}));
        EXPECT_EQ(added[1], (SigningHeader{"x-amz-content-sha256", payload_}));
        const std::string token = case_["token"];
        EXPECT_EQ(added.size(), token.empty() ? 3u : 4u);
        if (!token.empty()) {
            EXPECT_EQ(added[2], (SigningHeader{"x-amz-security-token", token}));
        }
    }
}

TEST_P(Sigv4S3, KeysAreEncodedAsBotocoreDoes) {
    EXPECT_EQ(
        percent_encode(case_["key"].get<std::string>(), true), case_["path"].get<std::string>());
    EXPECT_TRUE(url_.path.ends_with("/" + case_["path"].get<std::string>()));
}

INSTANTIATE_TEST_SUITE_P(Cases, Sigv4S3, testing::ValuesIn(case_numbers()));

const std::chrono::sys_days may_24 = std::chrono::May / 24 / 2013;

std::string signature(const std::string& url, SigningRules rules = SigningRules::s3) {
    const Url parsed = parse_url(url);
    SigningRequest request{"GET", parsed, {}, empty_payload, may_24, rules};
    SigningSteps steps;
    sign_headers(SigningKey(credentials(), may_24, "us-east-1", "s3"), request, &steps);
    return steps.signature;
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html and
// sigv4-query-string-auth.html
TEST(Sigv4, SignsTheExamplesOfAmazonsDocumentation) {
    const SigningKey key(credentials(), may_24, "us-east-1", "s3");
    const Url url = parse_url("https://examplebucket.s3.amazonaws.com/test.txt");
    const std::vector<SigningHeader> range{{"Range", "bytes=0-9"}};
    const auto added = sign_headers(key, {"GET", url, range, empty_payload, may_24});
    EXPECT_EQ(
        added.back().value,
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, Signature="
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    EXPECT_EQ(
        presign(key, {"GET", url, {}, unsigned_payload, may_24}, 86400s),
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-"
        "east-1"
        "%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders="
        "host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

TEST(Sigv4, SignsAPathAsTheServerEncodesIt) {
    EXPECT_EQ(signature("http://h/a+b%7e'"), signature("http://h/a%2Bb~%27"));
    EXPECT_EQ(signature("http://h/?a=b:c&d"), signature("http://h/?d=&a=b%3ac"));
    EXPECT_NE(signature("http://h/a%2Fb"), signature("http://h/a/b"));
    EXPECT_NE(signature("http://h/a//b"), signature("http://h/a/b"));
    EXPECT_NE(signature("http://h/a/../b"), signature("http://h/b"));
}

TEST(Sigv4, NormalizesPathsForOtherServices) {
    const auto other = [](const std::string& path) {
        return signature("http://h" + path, SigningRules::other);
    };
    EXPECT_EQ(other("/a/.././/b/./c//"), other("/b/c/"));
    EXPECT_EQ(other("/.."), other("/"));
    EXPECT_EQ(other("/../a"), other("/a"));
    EXPECT_NE(other("/a/"), other("/a"));
    EXPECT_NE(other("/a%20b"), signature("http://h/a%20b"));
    EXPECT_EQ(other("/a%20b"), signature("http://h/a%2520b"));
}

TEST(Sigv4, KeyIsForOneDay) {
    const SigningKey key(credentials(), may_24, "us-east-1", "s3");
    EXPECT_TRUE(key.covers(may_24));
    EXPECT_TRUE(key.covers(may_24 + 24h - 1s));
    EXPECT_FALSE(key.covers(may_24 + 24h));
    EXPECT_FALSE(key.covers(may_24 - 1s));
    EXPECT_EQ(key.scope(), "20130524/us-east-1/s3/aws4_request");
    EXPECT_EQ(key.credential(), "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request");
    EXPECT_EQ(key.session_token(), "");
}

TEST(Sigv4, KeyOutlivesTheCredentials) {
    auto given = credentials("token");
    const SigningKey key(given, may_24, "us-east-1", "s3");
    given = {};
    EXPECT_EQ(key.session_token(), "token");
    EXPECT_EQ(key.signature("text").size(), 64u);
}

TEST(Sigv4, PresignsForASecondToAWeek) {
    const SigningKey key(credentials(), may_24, "us-east-1", "s3");
    const Url url = parse_url("https://h/k");
    const SigningRequest request{"GET", url, {}, unsigned_payload, may_24};
    for (const auto valid : {0s, -1s, 604801s}) {
        const auto error = test::error_of([&] { presign(key, request, valid); });
        ASSERT_TRUE(error);
        EXPECT_EQ(error->kind(), errc::usage);
    }
    EXPECT_NO_THROW(presign(key, request, 1s));
    EXPECT_NO_THROW(presign(key, request, 604800s));
}

} // namespace
} // namespace tz
