// Loads from S3: requests are signed, and what servers say about signatures is acted on.
#include "s3_fixture.hpp"

#include <atomic>
#include <cstdlib>

namespace tz {
namespace {

using namespace std::chrono_literals;
using test::FaultKind;
using test::HttpServer;
using test::HttpServerOptions;
using test::judge;
using test::Keys;
using test::Request;
using test::time_of;

class S3Load : public test::S3Test {};

TEST_F(S3Load, SignsEachRequest) {
    HttpServer server(strict());
    point_to(server);
    for (const char* key : {"m.tensors", "a b/ü+&=~.tensors", "/odd//key"}) {
        const std::string path = "/bucket/" + percent_encode(key, true);
        put(server, path, sample_);
        const auto source = open("s3://bucket/" + std::string(key));
        expect_same(load(engine_, source), sample_);
    }
    for (const Request& request : server.requests()) {
        EXPECT_EQ(request.status, 206);
        EXPECT_NE(request.authorization().find("range"), std::string::npos) << "is signed too";
    }
}

TEST_F(S3Load, SignsRequestsOverTlsWithoutHashingThePayload) {
    trust_test_ca();
    HttpServerOptions options = strict();
    options.tls = test::TlsOptions();
    HttpServer server(options);
    point_to(server);
    put(server, "/bucket/m", sample_);
    expect_same(load(engine_, open("s3://bucket/m")), sample_);
    EXPECT_EQ(server.requests().front().field("x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
}

TEST_F(S3Load, SaysWhoSignedWhatWasDenied) {
    HttpServer server(strict());
    point_to(server);
    put(server, "/bucket/m", sample_);
    network_.s3.secret_access_key = test::secret("CANARY-wrong");
    const auto error = test::error_of([&] { load(engine_, open("s3://bucket/m")); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::denied);
    EXPECT_NE(error->hint().find("credentials from options"), std::string::npos) << error->hint();
    EXPECT_EQ(error->source(), "s3://bucket/m");
    EXPECT_EQ(server.counts().requests, 1u);
    expect_no_secret(*error);
}

TEST_F(S3Load, SaysWhereItLookedForCredentials) {
    HttpServer server(strict());
    point_to(server);
    put(server, "/bucket/m", sample_);
    no_keys();
    const auto error = test::error_of([&] { load(engine_, open("s3://bucket/m")); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::denied);
    EXPECT_NE(error->hint().find("looked in"), std::string::npos) << error->hint();
}

TEST_F(S3Load, ReadsPublicObjectsWithoutSigning) {
    HttpServer server;
    point_to(server);
    put(server, "/bucket/m", sample_);
    no_keys();
    network_.s3.no_sign_request = true;
    expect_same(load(engine_, open("s3://bucket/m")), sample_);
    for (const Request& request : server.requests())
        EXPECT_EQ(request.authorization(), "");
}

TEST_F(S3Load, RenewsExpiredCredentialsAndGoesOn) {
    no_keys();
    const std::string file = folder_ / "credentials";
    const auto write = [&](const Keys& keys) {
        const std::string text = "[default]\naws_access_key_id = " + keys.id +
                                 "\naws_secret_access_key = " + keys.secret + "\n";
        test::write_file(file, std::as_bytes(std::span(text)));
    };
    ::setenv("AWS_SHARED_CREDENTIALS_FILE", file.c_str(), 1);
    const Keys old{"AKIDOLD", "CANARY-old"};
    write(old);
    HttpServerOptions options;
    std::atomic<int> requests = 0;
    options.deny = [&](const Request& request) -> std::string {
        if (requests++ == 0)
            return judge(request, old);
        write(keys_);
        const bool is_old = request.authorization().find(old.id) != std::string::npos;
        return is_old ? "ExpiredToken" : judge(request, keys_);
    };
    HttpServer server(options);
    point_to(server);
    put(server, "/bucket/m", sample_);
    expect_same(load(engine_, open("s3://bucket/m")), sample_);
    EXPECT_EQ(server.requests().back().status, 206);
    ::unsetenv("AWS_SHARED_CREDENTIALS_FILE");
}

TEST_F(S3Load, GivesUpWhereNewCredentialsAreTheSame) {
    HttpServerOptions options;
    options.deny = [](const Request&) { return "ExpiredToken"; };
    HttpServer server(options);
    point_to(server);
    put(server, "/bucket/m", sample_);
    const auto error = test::error_of([&] { load(engine_, open("s3://bucket/m")); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::denied);
    EXPECT_NE(std::string(error->what()).find("expired"), std::string::npos) << error->what();
    EXPECT_EQ(server.counts().requests, 1u);
    expect_no_secret(*error);
}

TEST_F(S3Load, CorrectsItsClockByTheServersOnce) {
    HttpServer server(strict());
    point_to(server);
    put(server, "/bucket/m", sample_);
    test::Rule rule;
    rule.first = rule.last = 0;
    rule.faults = {
        {.kind = FaultKind::s3_error, .amount = 403, .text = "RequestTimeTooSkewed"},
        {.kind = FaultKind::skewed_date, .amount = 1200}};
    server.add(rule);
    expect_same(load(engine_, open("s3://bucket/m")), sample_);
    const auto requests = server.requests();
    ASSERT_GE(requests.size(), 3u);
    const auto ahead = time_of(requests[1]) - time_of(requests[0]);
    EXPECT_GE(ahead, 1195s);
    EXPECT_LE(ahead, 1210s);
}

TEST_F(S3Load, FinishesByVersionWhereTheBucketKeepsThem) {
    HttpServerOptions options = strict();
    options.versions = true;
    HttpServer server(options);
    point_to(server);
    put(server, "/bucket/m", sample_);
    test::Rule rule;
    rule.first = rule.last = 1;
    rule.faults.push_back({FaultKind::replace});
    server.add(rule);
    expect_same(load(engine_, open("s3://bucket/m")), sample_);
    EXPECT_NE(server.requests().back().parameter("versionId"), "");
}

TEST_F(S3Load, SendsNoSignatureInTheClearToOtherMachines) {
    network_.s3.endpoint_url = "http://192.0.2.1:9";
    const auto error = test::error_of([&] { load(engine_, open("s3://bucket/m")); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::usage);
    EXPECT_NE(std::string(error->what()).find("plain http"), std::string::npos) << error->what();
}

TEST_F(S3Load, FollowsNoRedirect) {
    HttpServer server(strict());
    HttpServer other;
    point_to(server);
    put(server, "/bucket/m", sample_);
    put(other, "/bucket/m", sample_);
    test::Rule rule;
    rule.faults.push_back(
        {.kind = FaultKind::redirect, .amount = 307, .text = other.url("/bucket/m")});
    server.add(rule);
    const auto error = test::error_of([&] { load(engine_, open("s3://bucket/m")); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::transport);
    EXPECT_EQ(other.counts().requests, 0u);
}

TEST_F(S3Load, SearchesForCredentialsOnceForManyObjects) {
    HttpServerOptions options = strict();
    HttpServer server(options);
    point_to(server);
    no_keys();
    std::atomic<int> asked = 0;
    HttpServerOptions metadata;
    metadata.deny = [&](const Request&) {
        ++asked;
        return "";
    };
    HttpServer container(metadata);
    container.put_page(
        "/keys",
        {.body = R"({"AccessKeyId":")" + keys_.id + R"(","SecretAccessKey":")" + keys_.secret +
                 R"(","Expiration":"2099-01-01T00:00:00Z"})"});
    ::setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", container.url("/keys").c_str(), 1);
    std::vector<std::shared_ptr<const Source>> sources;
    for (int i = 0; i < 8; ++i) {
        const std::string name = std::to_string(i);
        put(server, "/bucket/" + name, sample_);
        sources.push_back(open("s3://bucket/" + name));
    }
    const LoadedFiles loaded = load(engine_, sources);
    ::unsetenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    for (const LoadedFile& file : loaded.files)
        expect_same(file, sample_);
    EXPECT_EQ(container.counts().requests, 1u);
}

} // namespace
} // namespace tz
