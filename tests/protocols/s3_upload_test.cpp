// Uploads to S3: whole under their name or not at all, whatever happens on the way.
#include "s3_fixture.hpp"
#include <tz/engine/target.hpp>
#include <tz/engine/upload.hpp>
#include <tz/protocols/file.hpp>
#include <tz/protocols/s3_upload.hpp>
#include <tz/protocols/s3_uploads.hpp>
#include <tz/tests/support/s3_store.hpp>

#include <set>
#include <thread>

namespace tz {
namespace {

using namespace std::chrono_literals;
using test::Fault;
using test::FaultKind;
using test::HttpServer;
using test::HttpServerOptions;
using test::judge;
using test::Keys;
using test::Request;
using test::Rule;
using test::S3Store;

constexpr const char* path = "/bucket/a b";
constexpr const char* uri = "s3://bucket/a b";
constexpr std::size_t part_bytes = 64 << 10;

class S3Uploads : public test::S3Test {
protected:
    S3Uploads() {
        network_.transport.first_byte_timeout = 300ms;
        network_.transport.stall_time = 300ms;
    }

    HttpServerOptions storing() {
        HttpServerOptions options = strict();
        options.answer = [this](const Request& request) { return store_.answer(request); };
        return options;
    }

    void start(HttpServerOptions options) {
        server_ = std::make_unique<HttpServer>(std::move(options));
        point_to(*server_);
    }

    void start() { start(storing()); }

    /// Five parts and a bit.
    static std::vector<std::byte> sample(std::size_t bytes = 5 * part_bytes + 1000) {
        return test::random_bytes(bytes, 7);
    }

    std::shared_ptr<Source> file_of(const std::vector<std::byte>& bytes) {
        test::write_file(folder_ / "file", bytes);
        return open_file(folder_ / "file", Direct::automatic);
    }

    void upload(
        const std::vector<std::byte>& bytes,
        Existing existing = Existing::refused,
        const UploadOptions& options = {}) {
        const auto target = s3_target(where_, network_, existing, logged_.log(), part_bytes);
        tz::upload(engine_, file_of(bytes), *target, options);
    }

    std::optional<Error>
    upload_error(const std::vector<std::byte>& bytes, Existing existing = Existing::refused) {
        auto error = test::error_of([&] { upload(bytes, existing); });
        if (error) {
            expect_no_secret(*error);
            EXPECT_EQ(error->source(), uri);
        } else {
            ADD_FAILURE() << "no error";
        }
        return error;
    }

    void expect_stored(const std::vector<std::byte>& bytes) const {
        const auto stored = store_.object(stored_);
        ASSERT_TRUE(stored);
        EXPECT_TRUE(std::ranges::equal(std::as_bytes(std::span(*stored)), bytes));
        EXPECT_EQ(store_.uploads(), 0u);
    }

    void expect_nothing_left() const {
        EXPECT_FALSE(store_.object(stored_));
        EXPECT_EQ(store_.uploads(), 0u);
    }

    /// What meets the `first` of the requests that have `method` and `contains`.
    void meet(
        const std::string& method,
        const std::string& contains,
        Fault fault,
        std::uint64_t first = 0,
        std::uint64_t last = 0) {
        Rule rule;
        rule.method = method;
        rule.contains = contains;
        rule.first = first;
        rule.last = last;
        rule.faults.push_back(std::move(fault));
        server_->add(rule);
    }

    std::size_t requests(const std::string& method, const std::string& contains = {}) const {
        const auto all = server_->requests();
        return static_cast<std::size_t>(std::ranges::count_if(all, [&](const Request& request) {
            return request.method == method && request.target.find(contains) != std::string::npos;
        }));
    }

    S3Store store_;
    std::string where_ = uri;
    std::string stored_ = "/bucket/a%20b";
    std::unique_ptr<HttpServer> server_;
};

// --- what arrives

TEST_F(S3Uploads, BringsAllBytesInSignedParts) {
    start();
    const auto bytes = sample();
    upload(bytes);
    expect_stored(bytes);
    EXPECT_EQ(requests("PUT"), 6u);
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
        if (request.method == "PUT")
            EXPECT_EQ(request.field("x-amz-checksum-crc32c"), test::crc32c_base64(request.body));
        if (request.method == "POST" && request.query != "uploads=")
            EXPECT_EQ(request.field("x-amz-checksum-crc32c"), test::crc32c_base64(whole));
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
        if (request.method == "PUT")
            EXPECT_EQ(request.field("x-amz-content-sha256").size(), 64u);
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

// --- what goes wrong, and passes

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

// --- what goes wrong for good

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
    std::stop_source stop;
    UploadOptions options;
    options.stop = stop.get_token();
    std::jthread stopper([&] {
        while (requests("PUT", "partNumber=4") == 0)
            std::this_thread::sleep_for(1ms);
        stop.request_stop();
    });
    const auto error = test::error_of([&] { upload(sample(), Existing::refused, options); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::cancelled);
    expect_nothing_left();
    EXPECT_GE(requests("DELETE", "uploadId="), 1u);
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
        if (error)
            EXPECT_EQ(error->kind(), errc::cancelled) << error->what();
        EXPECT_EQ(store_.uploads(), 0u) << after.count();
    }
}

TEST_F(S3Uploads, RefusesVersionsAsItsTarget) {
    const auto error = test::error_of(
        [&] { s3_target("s3://bucket/k?versionId=3", network_, Existing::refused); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::usage);
}

// --- what is left of others

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
