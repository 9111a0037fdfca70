// Ranges, identities and statuses that are wrong, as they show on the wire.
#include "raw_client.hpp"

#include <gtest/gtest.h>

namespace tz::test {
namespace {

using Kind = FaultKind;

const Fields ten = {{"Range", "bytes=100-109"}};

struct RangeCase {
    Fault fault;
    int status = 0;
    const char* content_range = "";
    std::size_t first = 0; ///< of the body
    std::size_t bytes = 0;
};

TEST(HttpRangeFault, AnswersAnotherRange) {
    for (const RangeCase& one : {
             RangeCase{{Kind::ignore_range}, 200, "", 0, 1000},
             RangeCase{{Kind::no_accept_ranges}, 200, "", 0, 1000},
             RangeCase{{Kind::ok_with_content_range}, 200, "bytes 100-109/1000", 100, 10},
             RangeCase{
                 {.kind = Kind::wrong_start, .amount = 5}, 206, "bytes 105-109/1000", 100, 10},
             RangeCase{{.kind = Kind::wrong_end, .amount = -1}, 206, "bytes 100-108/1000", 100, 10},
             RangeCase{
                 {.kind = Kind::wrong_total, .amount = 7}, 206, "bytes 100-109/1007", 100, 10},
             RangeCase{{Kind::unknown_total}, 206, "bytes 100-109/*", 100, 10},
             RangeCase{{Kind::no_content_range}, 206, "", 100, 10},
             RangeCase{
                 {.kind = Kind::other_range, .amount = 20}, 206, "bytes 120-129/1000", 120, 10},
             RangeCase{{.kind = Kind::other_range, .amount = 950}, 206, "bytes 0-9/1000", 0, 10},
             RangeCase{
                 {.kind = Kind::shorter_range, .amount = 3}, 206, "bytes 100-106/1000", 100, 7},
             RangeCase{
                 {.kind = Kind::longer_range, .amount = 5}, 206, "bytes 100-114/1000", 100, 15},
         }) {
        SCOPED_TRACE(to_string(one.fault));
        const FaultyServer faulty({one.fault});
        const Answer answer = faulty.get(ten);
        EXPECT_EQ(answer.status, one.status);
        EXPECT_EQ(answer.field("Content-Range"), one.content_range);
        EXPECT_EQ(answer.field("Content-Length"), std::to_string(one.bytes));
        EXPECT_TRUE(answer.body == faulty.content.substr(one.first, one.bytes));
    }
}

TEST(HttpRangeFault, SaysThatItKnowsNoRanges) {
    EXPECT_EQ(FaultyServer({{Kind::no_accept_ranges}}).get(ten).field("Accept-Ranges"), "none");
}

TEST(HttpRangeFault, AnswersInParts) {
    const FaultyServer faulty({{Kind::multipart}});
    const Answer answer = faulty.get(ten);
    EXPECT_EQ(answer.status, 206);
    EXPECT_EQ(answer.field("Content-Type"), "multipart/byteranges; boundary=cut-here");
    EXPECT_EQ(answer.field("Content-Range"), "");
    EXPECT_EQ(
        answer.body,
        "\r\n--cut-here\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes "
        "100-109/1000\r\n\r\n" +
            faulty.content.substr(100, 10) + "\r\n--cut-here--\r\n");
}

TEST(HttpRangeFault, CannotSatisfyAnything) {
    const Answer full = FaultyServer({{Kind::not_satisfiable}}).get(ten);
    EXPECT_EQ(full.status, 416);
    EXPECT_EQ(full.field("Content-Range"), "bytes */1000");
    const Answer bare = FaultyServer({{Kind::not_satisfiable_bare}}).get(ten);
    EXPECT_EQ(bare.status, 416);
    EXPECT_EQ(bare.field("Content-Range"), "");
}

/// The fault comes with the second of three requests.
std::vector<Answer>
three(const std::vector<Fault>& faults, const Fields& fields, const std::string& query = "") {
    HttpServer server({.versions = true});
    server.put("/o", generated_object(1000));
    server.add(Rule{.first = 1, .last = 1, .faults = faults});
    std::vector<Answer> answers;
    for (int i = 0; i < 3; ++i)
        answers.push_back(ask(server, "/o" + query, fields));
    return answers;
}

const std::string etag = generated_object(1000).etag;

TEST(HttpIdentityFault, ReplacesTheObject) {
    const auto answers = three({{Kind::replace}}, ten);
    for (const Answer& answer : answers)
        EXPECT_EQ(answer.status, 206);
    EXPECT_EQ(answers[0].field("ETag"), etag);
    EXPECT_NE(answers[1].field("ETag"), etag);
    EXPECT_NE(answers[1].body, answers[0].body);
    EXPECT_NE(answers[1].field("Last-Modified"), answers[0].field("Last-Modified"));
    EXPECT_EQ(answers[1].field("x-amz-version-id"), "version-2");
    EXPECT_EQ(answers[2].field("ETag"), answers[1].field("ETag"));
    EXPECT_EQ(answers[2].body, answers[1].body);
}

TEST(HttpIdentityFault, SaysThatTheObjectWasReplaced) {
    const auto answers = three({{Kind::replace}}, {{"If-Match", etag}, ten[0]});
    EXPECT_EQ(answers[0].status, 206);
    EXPECT_EQ(answers[1].status, 412);
    EXPECT_EQ(answers[2].status, 412);
}

TEST(HttpIdentityFault, GivesAnotherObjectInSpiteOfIfMatch) {
    const auto answers =
        three({{Kind::replace}, {Kind::ignore_if_match}}, {{"If-Match", etag}, ten[0]});
    EXPECT_EQ(answers[1].status, 206);
    EXPECT_NE(answers[1].field("ETag"), etag);
    EXPECT_EQ(answers[2].status, 412);
}

TEST(HttpIdentityFault, GivesAnOldVersionThoughItWasReplaced) {
    const auto answers = three({{Kind::replace_inside, 3}}, ten, "?versionId=version-1");
    EXPECT_EQ(answers[1].body, answers[0].body);
    EXPECT_EQ(answers[2].body, answers[0].body);
}

TEST(HttpIdentityFault, ReplacesTheObjectInTheMiddle) {
    const auto answers = three({{Kind::replace_inside, 4}}, ten);
    EXPECT_EQ(answers[1].field("ETag"), etag);
    EXPECT_NE(answers[2].field("ETag"), etag);
    EXPECT_EQ(answers[1].body, answers[0].body.substr(0, 4) + answers[2].body.substr(4));
    EXPECT_NE(answers[1].body, answers[0].body);
}

TEST(HttpIdentityFault, ResizesAndRemoves) {
    const auto larger = three({{.kind = Kind::resize, .amount = 24}}, {});
    EXPECT_EQ(larger[1].body.size(), 1024u);
    EXPECT_NE(larger[1].field("ETag"), etag);
    const auto smaller = three({{.kind = Kind::resize, .amount = -990}}, ten);
    EXPECT_EQ(smaller[1].status, 416);
    const auto gone = three({{Kind::remove}}, ten);
    EXPECT_EQ(gone[1].status, 404);
    EXPECT_EQ(gone[2].status, 404);
    EXPECT_EQ(three({{Kind::remove}}, ten, "?versionId=version-1")[2].status, 206);
}

TEST(HttpIdentityFault, HidesOrBlursWhatItIs) {
    EXPECT_EQ(three({{Kind::weak_etag}}, ten)[1].field("ETag"), "W/" + etag);
    EXPECT_EQ(three({{Kind::no_etag}}, ten)[1].field("ETag"), "");
    EXPECT_EQ(three({{Kind::no_last_modified}}, ten)[1].field("Last-Modified"), "");
    EXPECT_EQ(three({{Kind::new_etag}}, ten)[1].field("ETag"), "\"1-" + etag.substr(1));
}

TEST(HttpStatusFault, GivesAnyStatusWithAnyRetryAfter) {
    for (const char* after :
         {"", "0", "3", "-1", "999999999999", "soon", "Sun, 06 Nov 1994 08:49:37 GMT"}) {
        const Fault busy{.kind = Kind::status, .amount = 503, .retry_after = after};
        const Answer answer = FaultyServer({busy}).get();
        EXPECT_EQ(answer.status, 503);
        EXPECT_EQ(answer.field("Retry-After"), after);
        EXPECT_EQ(answer.body, "the test server says 503\n");
    }
    for (const int status : {429, 500, 502, 504, 418})
        EXPECT_EQ(FaultyServer({Fault{.amount = status}}).get().status, status);
}

TEST(HttpStatusFault, GivesErrorsOfS3) {
    const Answer slow =
        FaultyServer(
            {{.kind = Kind::s3_error, .amount = 503, .text = "SlowDown", .retry_after = "1"}})
            .get();
    EXPECT_EQ(slow.status, 503);
    EXPECT_EQ(slow.field("Content-Type"), "application/xml");
    EXPECT_EQ(slow.field("Retry-After"), "1");
    EXPECT_NE(slow.body.find("<Error><Code>SlowDown</Code>"), std::string::npos);

    const Answer good =
        FaultyServer({{.kind = Kind::ok_with_error, .text = "InternalError"}}).get();
    EXPECT_EQ(good.status, 200);
    EXPECT_NE(good.body.find("<Code>InternalError</Code>"), std::string::npos);

    const Answer expired = FaultyServer({{Kind::expired_url}}).get();
    EXPECT_EQ(expired.status, 403);
    EXPECT_NE(expired.body.find("<X-Amz-Expires>60</X-Amz-Expires>"), std::string::npos);
}

TEST(HttpStatusFault, SendsElsewhere) {
    const Answer region =
        FaultyServer({{.kind = Kind::region_redirect, .amount = 301, .text = "eu-west-3"}}).get();
    EXPECT_EQ(region.status, 301);
    EXPECT_EQ(region.field("x-amz-bucket-region"), "eu-west-3");
    EXPECT_EQ(region.field("Location"), "");
    EXPECT_NE(region.body.find("<Region>eu-west-3</Region>"), std::string::npos);

    const Answer moved =
        FaultyServer({{.kind = Kind::redirect, .amount = 307, .text = "http://other/x"}}).get();
    EXPECT_EQ(moved.status, 307);
    EXPECT_EQ(moved.field("Location"), "http://other/x");
}

TEST(HttpStatusFault, HasAnotherTime) {
    const Answer answer = FaultyServer({{.kind = Kind::skewed_date, .amount = 1200}}).get();
    const auto date = parse_http_date(answer.field("Date"));
    ASSERT_TRUE(date);
    EXPECT_NEAR(static_cast<double>(*date - std::time(nullptr)), 1200, 10);
}

} // namespace
} // namespace tz::test
