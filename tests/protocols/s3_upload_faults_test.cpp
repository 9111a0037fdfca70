// Uploads to S3: whole under their name or not at all, whatever happens on the way.
#include "s3_upload_fixture.hpp"

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

namespace tz {
namespace {

using namespace std::chrono_literals;
using test::FaultKind;
using test::HttpServerOptions;
using test::judge;
using test::Keys;
using test::part_bytes;
using test::Request;
using test::S3Uploads;

TEST_F(S3Uploads, SendsAPartAgainWhoseConnectionBroke) {
    start();
    meet("PUT", "partNumber=2", {.kind = FaultKind::reset_in_request, .at = 20'000}, 0, 1);
    meet("PUT", "partNumber=3", {.kind = FaultKind::close_unanswered});
    const auto bytes = sample();
    upload(bytes);
    expect_stored(bytes);
    EXPECT_EQ(requests("PUT", "partNumber=2&"), 3u);
    EXPECT_EQ(requests("PUT", "partNumber=3&"), 2u);
}

TEST_F(S3Uploads, NeverSendsAPartTwiceAtOnce) {
    HttpServerOptions options = storing();
    options.delay = 20ms;
    std::mutex mutex;
    std::multiset<std::string> open;
    bool twice = false;
    options.answer = [&](const Request& request) {
        if (request.method == "PUT") {
            const std::lock_guard lock(mutex);
            open.insert(request.parameter("partNumber"));
            twice = twice || open.count(request.parameter("partNumber")) > 1;
        }
        auto page = store_.answer(request);
        std::this_thread::sleep_for(5ms);
        if (request.method == "PUT") {
            const std::lock_guard lock(mutex);
            open.erase(open.find(request.parameter("partNumber")));
        }
        return page;
    };
    start(std::move(options));
    meet("PUT", "partNumber", {.kind = FaultKind::close_unanswered}, 0, 3);
    const auto bytes = sample(12 * part_bytes);
    upload(bytes);
    expect_stored(bytes);
    EXPECT_FALSE(twice);
}

TEST_F(S3Uploads, WaitsWhereTheServerAsksForFewerRequests) {
    start();
    meet("PUT", "", {.kind = FaultKind::s3_error, .amount = 503, .text = "SlowDown"}, 0, 2);
    meet("POST", "uploads=", {.kind = FaultKind::status, .amount = 503});
    meet("POST", "uploadId=", {.kind = FaultKind::status, .amount = 500});
    const auto bytes = sample();
    upload(bytes);
    expect_stored(bytes);
}

TEST_F(S3Uploads, TakesAnErrorIn200ForAnError) {
    start();
    meet("POST", "uploadId=", {.kind = FaultKind::ok_with_error, .text = "InternalError"});
    const auto bytes = sample();
    upload(bytes);
    expect_stored(bytes);
    EXPECT_EQ(requests("POST", "uploadId="), 2u);
}

TEST_F(S3Uploads, SendsAgainWhatTheServerSaysCameDamaged) {
    start();
    meet("PUT", "partNumber=4", {.kind = FaultKind::s3_error, .amount = 400, .text = "BadDigest"});
    const auto bytes = sample();
    upload(bytes);
    expect_stored(bytes);
}

TEST_F(S3Uploads, FindsItsObjectWhereTheAnswerWasLost) {
    start();
    meet("POST", "uploadId=", {.kind = FaultKind::close_unanswered});
    auto bytes = sample();
    upload(bytes);
    expect_stored(bytes);
    // the same of one request; the try after it meets its own object
    where_ = "s3://bucket/small";
    stored_ = "/bucket/small";
    meet("PUT", "small", {.kind = FaultKind::close_unanswered});
    bytes = sample(100);
    upload(bytes);
    expect_stored(bytes);
    EXPECT_EQ(requests("PUT", "small"), 2u);
}

TEST_F(S3Uploads, RenewsExpiredCredentialsAndGoesOn) {
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
    HttpServerOptions options = storing();
    std::atomic<int> parts = 0;
    std::once_flag renewed;
    options.deny = [&](const Request& request) -> std::string {
        const bool is_old = request.authorization().find(old.id) != std::string::npos;
        if (is_old && request.method == "PUT" && parts++ > 1) {
            std::call_once(renewed, [&] { write(keys_); });
            return "ExpiredToken";
        }
        return judge(request, is_old ? old : keys_);
    };
    start(std::move(options));
    const auto bytes = sample();
    upload(bytes);
    ::unsetenv("AWS_SHARED_CREDENTIALS_FILE");
    expect_stored(bytes);
    EXPECT_NE(server_->requests().back().authorization().find(keys_.id), std::string::npos);
}

TEST_F(S3Uploads, RefusesAnObjectThatExistsBeforeItSendsAny) {
    start();
    store_.put(stored_, "old");
    for (const std::size_t size : {std::size_t{10}, 3 * part_bytes}) {
        const auto error = upload_error(sample(size));
        ASSERT_TRUE(error);
        EXPECT_EQ(error->kind(), errc::usage);
        EXPECT_NE(std::string(error->what()).find("--force"), std::string::npos);
    }
    EXPECT_EQ(store_.object(stored_), "old");
    EXPECT_EQ(requests("PUT") + requests("POST"), 0u);
    upload(sample(), Existing::replaced);
    expect_stored(sample());
}

TEST_F(S3Uploads, ReplacesNothingThatCameMeanwhile) {
    start();
    // HEAD does not see it, as where it may not be read
    meet("HEAD", "", {.kind = FaultKind::status, .amount = 403}, 0, 100);
    store_.put(stored_, "other's");
    for (const std::size_t size : {std::size_t{10}, 3 * part_bytes}) {
        const auto error = upload_error(sample(size));
        ASSERT_TRUE(error);
        EXPECT_EQ(error->kind(), errc::usage);
        EXPECT_NE(std::string(error->what()).find("--force"), std::string::npos);
    }
    EXPECT_EQ(store_.object(stored_), "other's");
    EXPECT_EQ(store_.uploads(), 0u);
}

TEST_F(S3Uploads, LooksOnceMoreWhereTheServerHasNoConditions) {
    store_.conditions = false;
    start();
    for (const std::size_t size : {std::size_t{10}, 3 * part_bytes}) {
        where_ = "s3://bucket/" + std::to_string(size);
        stored_ = "/bucket/" + std::to_string(size);
        upload(sample(size));
        expect_stored(sample(size));
    }
    EXPECT_EQ(requests("HEAD"), 7u); // before, before the end, after 501; and the size of parts
}

TEST_F(S3Uploads, LooksAtTheEndWhereTheServerIgnoresConditions) {
    store_.ignores_conditions = true;
    HttpServerOptions options = storing();
    options.answer = [this](const Request& request) {
        if (request.method == "PUT") // somebody is faster
            store_.put(stored_, "other's");
        return store_.answer(request);
    };
    start(std::move(options));
    const auto error = upload_error(sample());
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::usage);
    EXPECT_EQ(store_.object(stored_), "other's");
    EXPECT_EQ(store_.uploads(), 0u);
}

TEST_F(S3Uploads, AbortsWhereAPartIsRefused) {
    start();
    meet(
        "PUT",
        "partNumber=3",
        {.kind = FaultKind::s3_error, .amount = 403, .text = "AccessDenied"});
    const auto error = upload_error(sample());
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::denied);
    EXPECT_EQ(error->offset(), 2 * part_bytes);
    expect_nothing_left();
}

TEST_F(S3Uploads, SaysWhatIsWrongWithACompleteThatIsRefused) {
    start();
    meet("POST", "uploadId=", {.kind = FaultKind::ok_with_error, .text = "EntityTooSmall"});
    const auto error = upload_error(sample());
    ASSERT_TRUE(error);
    EXPECT_NE(std::string(error->what()).find("EntityTooSmall"), std::string::npos)
        << error->what();
    expect_nothing_left();
}

TEST_F(S3Uploads, TakesNoOtherAnswerForTheEnd) {
    HttpServerOptions options = storing();
    options.answer = [this](const Request& request) -> std::optional<test::Page> {
        if (request.method == "POST" && request.query != "uploads=")
            return test::Page{200, "<html>hello</html>", {}};
        return store_.answer(request);
    };
    start(std::move(options));
    const auto error = upload_error(sample());
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::transport);
    expect_nothing_left();
}

TEST_F(S3Uploads, TakesNoPartThatTheServerHasAnotherChecksumOf) {
    store_.checksums = true;
    store_.wrong_crc = "AAAAAA==";
    start();
    const auto error = upload_error(sample());
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::integrity);
    EXPECT_TRUE(error->offset());
    expect_nothing_left();
}

TEST_F(S3Uploads, ComparesTheChecksumThatTheServerTellsOfASmallObject) {
    store_.wrong_crc = "AAAAAA==";
    start();
    const auto error = upload_error(sample(100));
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::integrity);
}

TEST_F(S3Uploads, GivesUpAPartThatKeepsComingDamaged) {
    start();
    meet(
        "PUT",
        "partNumber=4",
        {.kind = FaultKind::s3_error, .amount = 400, .text = "BadDigest"},
        0,
        100);
    const auto error = upload_error(sample());
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::integrity);
    EXPECT_EQ(error->offset(), 3 * part_bytes);
    EXPECT_EQ(requests("PUT", "partNumber=4&"), 2u);
    expect_nothing_left();
}

TEST_F(S3Uploads, EndsWhereTheServerStopsTaking) {
    network_.retry.tries_max = 2;
    start();
    // more than the kernel buffers on both sides
    network_.s3.sign_payloads = false;
    meet("PUT", "partNumber=2", {.kind = FaultKind::stall_in_request, .at = 1000}, 0, 100);
    const auto error = upload_error(sample());
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::transport);
    EXPECT_EQ(error->offset(), part_bytes);
    EXPECT_NE(std::string(error->what()).find("after 2 tries"), std::string::npos) << error->what();
    expect_nothing_left();
}

TEST_F(S3Uploads, EndsWhereTheServerAnswersNothingAnyMore) {
    network_.retry.tries_max = 2;
    start();
    meet("PUT", "", {.kind = FaultKind::no_answer}, 2, 1000);
    meet("DELETE", "", {.kind = FaultKind::no_answer}, 0, 1000);
    const auto error = upload_error(sample());
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::transport);
    EXPECT_FALSE(store_.object(stored_));
    EXPECT_TRUE(logged_.says("tz uploads")) << "its parts are left";
}

TEST_F(S3Uploads, LeavesNothingWhereItIsStopped) {
    start();
    meet("PUT", "partNumber=4", {.kind = FaultKind::no_answer}, 0, 100);
    network_.transport.first_byte_timeout = 60s;
    const auto error = error_of_upload_stopped_at("PUT", "partNumber=4");
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::cancelled);
    expect_nothing_left();
    EXPECT_GE(requests("DELETE", "uploadId="), 1u);
}

/// Far below what the servers of these tests would be waited for without a deadline.
constexpr auto soon = 5s;

TEST_F(S3Uploads, WaitsForNoAbortLongAfterItsDeadline) {
    start();
    network_.transport.first_byte_timeout = 60s;
    meet("PUT", "partNumber=4", {.kind = FaultKind::no_answer}, 0, 100);
    meet("DELETE", "", {.kind = FaultKind::no_answer}, 0, 100);
    UploadOptions options;
    options.deadline = 200ms;
    const auto began = std::chrono::steady_clock::now();
    const auto error = test::error_of([&] { upload(sample(), Existing::refused, options); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::deadline);
    EXPECT_LT(std::chrono::steady_clock::now() - began, soon);
    EXPECT_GE(requests("DELETE", "uploadId="), 1u);
    EXPECT_TRUE(logged_.says("tz uploads")) << "its parts are left";
}

TEST_F(S3Uploads, AbortsWithinItsDeadlineWhatFailsBefore) {
    start();
    meet(
        "PUT",
        "partNumber=4",
        {.kind = FaultKind::s3_error, .amount = 403, .text = "AccessDenied"});
    UploadOptions options;
    options.deadline = std::chrono::nanoseconds::max();
    const auto error = test::error_of([&] { upload(sample(), Existing::refused, options); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::denied);
    expect_nothing_left();
}

TEST_F(S3Uploads, LeavesNothingWhereverItIsStopped) {
    start();
    const std::uint64_t seed = test::seed();
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    for (int i = 0; i < 20; ++i) {
        std::stop_source stop;
        UploadOptions options;
        options.stop = stop.get_token();
        const auto after = std::chrono::microseconds(random() % 20'000);
        std::jthread stopper([&] {
            std::this_thread::sleep_for(after);
            stop.request_stop();
        });
        const auto error = test::error_of([&] { upload(sample(), Existing::replaced, options); });
        if (error) {
            EXPECT_EQ(error->kind(), errc::cancelled) << error->what();
        }
        EXPECT_EQ(store_.uploads(), 0u) << after.count();
    }
}

TEST_F(S3Uploads, RefusesVersionsAsItsTarget) {
    const auto error = test::error_of(
        [&] { s3_target("s3://bucket/k?versionId=3", network_, Existing::refused); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::usage);
}

} // namespace
} // namespace tz
