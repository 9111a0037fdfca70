// Uploads to S3: what arrives, and what is left of those that nobody ended.
#include "s3_upload_fixture.hpp"
#include <tz/protocols/s3_uploads.hpp>

namespace tz {
namespace {

using test::HttpServerOptions;
using test::part_bytes;
using test::Request;
using test::S3Uploads;
using test::uri;

TEST_F(S3Uploads, BringsAllBytesInSignedParts) {
    start();
    const auto bytes = sample();
    upload(bytes);
    expect_stored(bytes);
    EXPECT_EQ(requests("PUT"), 6u);
    EXPECT_TRUE(logged_.says(": PUT partNumber=1: status 200, ")) << "in detail";
    for (const Request& request : server_->requests())
        EXPECT_TRUE(request.status == 200 || request.method == "HEAD") << request.target;
}

TEST_F(S3Uploads, SendsWhatIsNoLongerThanAPartInOneRequest) {
    start();
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, part_bytes}) {
        const auto bytes = sample(size);
        upload(bytes, Existing::replaced);
        expect_stored(bytes);
    }
    EXPECT_EQ(requests("PUT"), 3u);
    EXPECT_EQ(requests("POST"), 0u);
}

TEST_F(S3Uploads, EndsWithAWholePartWhereThatFits) {
    start();
    const auto bytes = sample(3 * part_bytes);
    upload(bytes);
    expect_stored(bytes);
    EXPECT_EQ(requests("PUT"), 3u);
}

TEST_F(S3Uploads, HasTheServerCheckCrc32cWhereItKnowsThat) {
    store_.checksums = true;
    start();
    const auto bytes = sample();
    upload(bytes);
    expect_stored(bytes);
    const std::string whole(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    for (const Request& request : server_->requests()) {
        if (request.method == "PUT") {
            EXPECT_EQ(request.field("x-amz-checksum-crc32c"), test::crc32c_base64(request.body));
        }
        if (request.method == "POST" && request.query != "uploads=") {
            EXPECT_EQ(request.field("x-amz-checksum-crc32c"), test::crc32c_base64(whole));
        }
    }
}

TEST_F(S3Uploads, GoesOnWithoutChecksumsWhereTheServerRefusesThem) {
    store_.refuses_checksums = true;
    start();
    const auto bytes = sample();
    upload(bytes);
    expect_stored(bytes);
    EXPECT_EQ(requests("POST", "uploads="), 2u);
}

TEST_F(S3Uploads, SignsWhatItSendsInTheClear) {
    start();
    upload(sample());
    for (const Request& request : server_->requests()) {
        EXPECT_EQ(request.field("x-amz-content-sha256").size(), 64u) << request.target;
        EXPECT_EQ(request.field("Content-MD5"), "") << "one check is enough";
    }
}

TEST_F(S3Uploads, SendsMd5OverTlsToServersWithoutChecksums) {
    trust_test_ca();
    HttpServerOptions options = storing();
    options.tls = test::TlsOptions();
    start(std::move(options));
    const auto bytes = sample();
    upload(bytes);
    expect_stored(bytes);
    for (const Request& request : server_->requests())
        if (request.method == "PUT") {
            EXPECT_EQ(request.field("x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
            EXPECT_EQ(request.field("Content-MD5").size(), 24u);
        }
}

TEST_F(S3Uploads, SignsPayloadsOverTlsWhereAsked) {
    trust_test_ca();
    HttpServerOptions options = storing();
    options.tls = test::TlsOptions();
    start(std::move(options));
    network_.s3.sign_payloads = true;
    const auto bytes = sample();
    upload(bytes);
    expect_stored(bytes);
    for (const Request& request : server_->requests())
        if (request.method == "PUT") {
            EXPECT_EQ(request.field("x-amz-content-sha256").size(), 64u);
        }
}

TEST_F(S3Uploads, KeepsConnections) {
    start();
    UploadOptions options;
    EngineOptions two;
    two.concurrency = 2;
    Engine engine(two);
    const auto target = s3_target(uri, network_, Existing::refused, {}, part_bytes);
    const auto bytes = sample(20 * part_bytes);
    tz::upload(engine, file_of(bytes), *target, options);
    expect_stored(bytes);
    // two lanes, and the one that completes it
    EXPECT_LE(server_->counts().connections, 3u);
}

TEST_F(S3Uploads, ListsUploadsPageByPageAndAbortsThem) {
    start();
    store_.page = 2;
    for (int i = 0; i < 5; ++i) {
        Request request;
        request.method = "POST";
        request.path = "/bucket/k" + std::to_string(i);
        request.query = "uploads=";
        store_.answer(request);
    }
    const auto found = unfinished_uploads(engine_, "s3://bucket/k", network_);
    ASSERT_EQ(found.size(), 5u);
    EXPECT_EQ(found[4].key, "k4");
    EXPECT_EQ(requests("GET", "uploads"), 3u);
    EXPECT_TRUE(unfinished_uploads(engine_, "s3://bucket/other", network_).empty());
    abort_uploads(engine_, "s3://bucket", {found[1], found[1], found[4]}, network_);
    EXPECT_EQ(store_.uploads(), 3u) << "one that is gone is no error";
}

TEST_F(S3Uploads, FollowsNoListThatLeadsInACircle) {
    HttpServerOptions options = storing();
    options.answer = [](const Request&) {
        return test::Page{
            200,
            "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>"
            "<NextKeyMarker>k</NextKeyMarker></ListMultipartUploadsResult>",
            {}};
    };
    start(std::move(options));
    const auto error =
        test::error_of([&] { unfinished_uploads(engine_, "s3://bucket/", network_); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::transport);
    EXPECT_EQ(server_->counts().requests, 2u);
}

} // namespace
} // namespace tz
