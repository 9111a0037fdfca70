// Uploads to S3 whose beginning the server carries out and then does not answer: what that leaves
// is told.
#include "s3_upload_fixture.hpp"

namespace tz {
namespace {

using namespace std::chrono_literals;
using test::FaultKind;
using test::HttpServerOptions;
using test::Request;
using test::S3Uploads;

class S3LostBeginning : public S3Uploads {
protected:
    S3LostBeginning() {
        where_ = "s3://bucket/model";
        stored_ = "/bucket/model";
    }

    /// The answers to tries of a beginning, after the server has done what they ask for.
    void lose(std::uint64_t first, std::uint64_t last) {
        meet("POST", "uploads=", {.kind = FaultKind::close_unanswered}, first, last);
    }

    void begin_upload_of(const std::string& path) {
        Request request;
        request.method = "POST";
        request.path = path;
        request.query = "uploads=";
        store_.answer(request);
    }

    void expect_object(const std::vector<std::byte>& bytes) const {
        const auto stored = store_.object(stored_);
        ASSERT_TRUE(stored);
        EXPECT_TRUE(std::ranges::equal(std::as_bytes(std::span(*stored)), bytes));
    }
};

TEST_F(S3LostBeginning, LeavesAnUploadOfWhichTheUserHears) {
    start();
    lose(0, 0);
    upload(sample());
    expect_object(sample());
    EXPECT_EQ(store_.uploads(), 1u);
    EXPECT_TRUE(logged_.says("unfinished uploads of this name beside this one: 1"));
    EXPECT_TRUE(logged_.says("`tz uploads s3://bucket/model` lists them"));
}

TEST_F(S3LostBeginning, AbortsNoUploadOfAnybodyElse) {
    start();
    begin_upload_of("/bucket/model");
    begin_upload_of("/bucket/model-2");
    lose(0, 0);
    upload(sample());
    expect_object(sample());
    EXPECT_EQ(store_.uploads(), 3u);
    EXPECT_TRUE(logged_.says("unfinished uploads of this name beside this one: 2"));
    EXPECT_EQ(requests("DELETE"), 0u);
}

TEST_F(S3LostBeginning, IsNoMatterWhereTheServerDidNothing) {
    start();
    meet("POST", "uploads=", {.kind = FaultKind::status, .amount = 503});
    begin_upload_of("/bucket/model-2");
    upload(sample());
    expect_object(sample());
    EXPECT_EQ(requests("GET", "uploads="), 1u);
    EXPECT_FALSE(logged_.says("tz uploads"));
}

TEST_F(S3LostBeginning, IsNothingOfServersThatAskForFewerRequests) {
    start();
    meet(
        "POST", "uploads=", {.kind = FaultKind::s3_error, .amount = 503, .text = "SlowDown"}, 0, 0);
    upload(sample());
    expect_object(sample());
    EXPECT_EQ(requests("GET", "uploads="), 0u);
    EXPECT_FALSE(logged_.says("tz uploads"));
}

TEST_F(S3LostBeginning, IsToldWhereTheListMayNotBeRead) {
    start();
    lose(0, 0);
    meet("GET", "uploads=", {.kind = FaultKind::s3_error, .amount = 403, .text = "AccessDenied"});
    upload(sample());
    expect_object(sample());
    EXPECT_TRUE(logged_.says("another upload of this name may be left"));
}

TEST_F(S3LostBeginning, IsToldWhereNoTryIsAnswered) {
    network_.retry.tries_max = 2;
    start();
    lose(0, 100);
    const auto error = test::error_of([&] { upload(sample()); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::transport);
    EXPECT_EQ(store_.uploads(), 2u);
    EXPECT_TRUE(logged_.says("unfinished uploads of this name beside this one: 2"));
}

TEST_F(S3LostBeginning, IsToldWhereTheUploadFailsLater) {
    start();
    lose(0, 0);
    meet(
        "PUT",
        "partNumber=3",
        {.kind = FaultKind::s3_error, .amount = 403, .text = "AccessDenied"});
    const auto error = test::error_of([&] { upload(sample()); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::denied);
    EXPECT_EQ(store_.uploads(), 1u) << "its own is aborted";
    EXPECT_TRUE(logged_.says("unfinished uploads of this name beside this one: 1"));
}

TEST_F(S3LostBeginning, IsToldWhereTheAnswerMakesNoSense) {
    HttpServerOptions options = storing();
    options.answer = [this](const Request& request) -> std::optional<test::Page> {
        const auto page = store_.answer(request);
        if (request.method == "POST")
            return test::Page{200, "<html>hello</html>", {}};
        return page;
    };
    start(std::move(options));
    const auto error = test::error_of([&] { upload(sample()); });
    ASSERT_TRUE(error);
    EXPECT_EQ(store_.uploads(), 1u);
    EXPECT_TRUE(logged_.says("unfinished uploads of this name beside this one: 1"));
}

/// For the answer that tells the id of the upload, so that it can be aborted.
TEST_F(S3LostBeginning, IsWaitedForAfterACancellation) {
    start();
    network_.transport.first_byte_timeout = 60s;
    meet("POST", "uploads=", {.kind = FaultKind::no_answer, .time = 300ms}, 0, 0);
    UploadOptions options;
    options.deadline = 100ms;
    const auto error = test::error_of([&] { upload(sample(), Existing::refused, options); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::deadline);
    EXPECT_EQ(store_.uploads(), 0u);
    EXPECT_FALSE(logged_.says("tz uploads"));
}

TEST_F(S3LostBeginning, IsNeitherWaitedForLongNorTriedAgainAfterACancellation) {
    start();
    network_.transport.first_byte_timeout = 60s;
    meet("POST", "uploads=", {.kind = FaultKind::no_answer}, 0, 100);
    const auto began = std::chrono::steady_clock::now();
    const auto error = error_of_upload_stopped_at("POST", "uploads=");
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::cancelled);
    EXPECT_LT(std::chrono::steady_clock::now() - began, 20s); // not 60
    EXPECT_EQ(requests("POST", "uploads="), 1u);
    EXPECT_EQ(requests("GET", "uploads="), 1u) << "perhaps the server has begun it";
}

TEST_F(S3LostBeginning, IsNoMatterWhereNoServerIsReached) {
    network_.retry.tries_max = 2;
    start();
    server_.reset();
    const auto error = test::error_of([&] { upload(sample(), Existing::replaced); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::transport);
    EXPECT_FALSE(logged_.says("tz uploads"));
}

} // namespace
} // namespace tz
