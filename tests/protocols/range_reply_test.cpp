// Every answer to a range that a server may give, and what becomes of it.
#include <tz/protocols/range_reply.hpp>

#include <gtest/gtest.h>

#include <map>

namespace tz {
namespace {

using Headers = std::map<std::string, std::string, std::less<>>;

/// An answer to `bytes=100-199` of an object of 1000 bytes, unless said otherwise.
struct Row {
    const char* name;
    unsigned status = 206;
    Headers headers{};
    std::optional<std::uint64_t> length{};
    bool pinned = true;
    bool chunked = false;
    std::uint64_t offset = 100, bytes = 100;
    std::optional<S3Code> s3{};
};

const Headers etag{{"etag", "\"a\""}};

Headers with(Headers headers, const std::string& name, const std::string& value) {
    headers[name] = value;
    return headers;
}

Headers range(const std::string& text) {
    return with(etag, "content-range", text);
}

ReplyHead reply_of(const Row& row) {
    ReplyHead reply;
    reply.status = row.status;
    for (const auto& [name, value] : row.headers)
        reply.headers.push_back({name, value});
    reply.length = row.length;
    reply.chunked = row.chunked;
    return reply;
}

std::variant<RangeBody, Refusal> judge(const Row& row) {
    const Identity pinned{.etag = "\"a\"", .strong = true, .bytes = 1000};
    return judge_reply(
        {row.offset, row.bytes, row.pinned ? &pinned : nullptr}, reply_of(row), row.s3);
}

void expect_body(const Row& row, std::uint64_t skip, std::uint64_t bytes, std::uint64_t rest) {
    const auto verdict = judge(row);
    const auto* body = std::get_if<RangeBody>(&verdict);
    ASSERT_TRUE(body) << row.name << ": " << std::get<Refusal>(verdict).problem.reason;
    EXPECT_EQ(body->skip, skip) << row.name;
    EXPECT_EQ(body->bytes, bytes) << row.name;
    EXPECT_EQ(body->rest, rest) << row.name;
}

void expect_refusal(const Row& row, errc kind, bool protocol) {
    const auto verdict = judge(row);
    const auto* refusal = std::get_if<Refusal>(&verdict);
    ASSERT_TRUE(refusal) << row.name;
    EXPECT_EQ(refusal->problem.kind, kind) << row.name << ": " << refusal->problem.reason;
    EXPECT_EQ(refusal->protocol, protocol) << row.name << ": " << refusal->problem.reason;
    EXPECT_FALSE(refusal->problem.hint.empty()) << row.name;
}

TEST(RangeReply, TakesTheRangeThatWasAskedFor) {
    for (const bool pinned : {true, false})
        expect_body({"exact", 206, range("bytes 100-199/1000"), 100, pinned}, 0, 100, 0);
    expect_body({"unit in capitals", 206, range("Bytes 100-199/1000"), 100}, 0, 100, 0);
    expect_body(
        {"identity encoding",
         206,
         with(range("bytes 100-199/1000"), "content-encoding", "Identity"),
         100},
        0,
        100,
        0);
}

TEST(RangeReply, TellsTheObjectsLengthAndIdentity) {
    const auto verdict = judge({"first", 206, range("bytes 100-199/1000"), 100, false});
    const auto& identity = std::get<RangeBody>(verdict).identity;
    EXPECT_EQ(identity.bytes, 1000u);
    EXPECT_EQ(identity.etag, "\"a\"");
    EXPECT_TRUE(identity.strong);
}

TEST(RangeReply, TakesLessWhereTheObjectEnds) {
    expect_body({"clipped", 206, range("bytes 100-149/150"), 50, false, false, 100, 100}, 0, 50, 0);
}

TEST(RangeReply, TakesAPartOfTheRangeAsProgress) {
    expect_body({"a part", 206, range("bytes 100-149/1000"), 50}, 0, 50, 0);
    expect_body({"one byte", 206, range("bytes 100-100/1000"), 1}, 0, 1, 0);
}

TEST(RangeReply, RefusesAnotherRange) {
    for (const Row& row : {
             Row{"longer", 206, range("bytes 100-200/1000"), 101},
             Row{"before", 206, range("bytes 99-199/1000"), 101},
             Row{"behind", 206, range("bytes 101-199/1000"), 99},
             Row{"overlapping", 206, range("bytes 150-249/1000"), 100},
             Row{"elsewhere", 206, range("bytes 0-99/1000"), 100},
             Row{"all", 206, range("bytes 0-999/1000"), 1000},
         })
        expect_refusal(row, errc::transport, true);
}

TEST(RangeReply, RefusesAnAnswerThatDoesNotSayWhichRangeItIs) {
    for (const Row& row : {
             Row{"none", 206, etag, 100},
             Row{"junk", 206, range("junk"), 100},
             Row{"unsatisfied", 206, range("bytes */1000"), 100},
             Row{"several",
                 206,
                 with(etag, "content-type", "multipart/byteranges; boundary=x"),
                 400},
             Row{"several, with one",
                 206,
                 with(range("bytes 100-199/1000"), "content-type", "Multipart/Byteranges"),
                 400},
         })
        expect_refusal(row, errc::transport, true);
}

TEST(RangeReply, RefusesABodyOfAnotherLengthThanItsRange) {
    for (const auto length : {0u, 99u, 101u, 1000u})
        expect_refusal({"length", 206, range("bytes 100-199/1000"), length}, errc::transport, true);
    expect_refusal(
        {"2^64-1", 206, range("bytes 100-199/1000"), ~std::uint64_t(0)}, errc::transport, true);
}

TEST(RangeReply, RefusesBodiesWhoseEndOrContentIsUncertain) {
    for (const unsigned status : {200u, 206u}) {
        const Headers headers = range("bytes 100-199/1000");
        expect_refusal({"no length", status, headers, {}}, errc::transport, true);
        expect_refusal({"chunked", status, headers, {}, true, true}, errc::transport, true);
        expect_refusal({"both", status, headers, 100, true, true}, errc::transport, true);
        for (const char* encoding : {"gzip", "br", "aws-chunked", "identity, gzip"})
            expect_refusal(
                {encoding, status, with(headers, "content-encoding", encoding), 100},
                errc::transport,
                true);
    }
}

TEST(RangeReply, TakesAnUnknownLengthOnlyWhereTheVersionIsCertain) {
    expect_body({"pinned", 206, range("bytes 100-199/*"), 100}, 0, 100, 0);
    expect_refusal({"first", 206, range("bytes 100-199/*"), 100, false}, errc::transport, true);
    expect_refusal(
        {"past the end", 206, range("bytes 990-1009/*"), 20, true, false, 990, 20},
        errc::transport,
        true);
    const Identity weak{.etag = "W/\"a\"", .bytes = 1000};
    ReplyHead reply;
    reply.status = 206;
    reply.headers.push_back({"content-range", "bytes 100-199/*"});
    reply.length = 100;
    const auto verdict = judge_reply({100, 100, &weak}, reply);
    EXPECT_TRUE(std::get<Refusal>(verdict).protocol);
}

TEST(RangeReply, NoticesAnotherVersion) {
    expect_refusal({"total", 206, range("bytes 100-199/2000"), 100}, errc::object_changed, false);
    expect_refusal(
        {"etag", 206, with(range("bytes 100-199/1000"), "etag", "\"b\""), 100},
        errc::object_changed,
        false);
    expect_refusal(
        {"whole of another length", 200, etag, 2000, true, false, 0}, errc::object_changed, false);
    expect_refusal({"412", 412, etag, 50}, errc::object_changed, false);
    expect_refusal(
        {"416 of a shorter one", 416, range("bytes */50"), 50}, errc::object_changed, false);
    expect_refusal({"416 without a length", 416, etag, 50}, errc::object_changed, false);
}

TEST(RangeReply, UsesAWholeObjectFromItsStart) {
    expect_body({"all of it", 200, etag, 1000, true, false, 0, 1000}, 0, 1000, 0);
    expect_body({"its head", 200, etag, 1000, true, false, 0, 100}, 0, 100, 900);
    expect_body({"first, less than asked", 200, etag, 40, false, false, 0, 100}, 0, 40, 0);
    expect_body({"empty", 200, etag, 0, false, false, 0, 100}, 0, 0, 0);
}

TEST(RangeReply, PassesOverOnlySomeBytesOfAWholeObject) {
    const std::uint64_t most = range_skip_max;
    expect_body({"near", 200, etag, 1000}, 100, 100, 800);
    expect_body({"at most", 200, etag, most * 4, false, false, most}, most, 100, most * 3 - 100);
    expect_refusal({"too far", 200, etag, most * 4, false, false, most + 1}, errc::transport, true);
    const auto verdict = judge({"too far", 200, etag, most * 4, false, false, most + 1});
    EXPECT_NE(std::get<Refusal>(verdict).problem.reason.find("ignores ranges"), std::string::npos);
    expect_refusal(
        {"shorter than the offset", 200, etag, 50, false, false, 100}, errc::transport, false);
}

TEST(RangeReply, TakesStatus200WithTheExactContentRange) {
    expect_body({"rclone", 200, range("bytes 100-199/1000"), 100}, 0, 100, 0);
    expect_body(
        {"at the end", 200, range("bytes 950-999/1000"), 50, true, false, 950, 100}, 0, 50, 0);
    expect_refusal({"a part", 200, range("bytes 100-149/1000"), 50}, errc::transport, true);
    expect_refusal({"another", 200, range("bytes 0-99/1000"), 100}, errc::transport, true);
    expect_refusal({"junk", 200, range("bytes"), 1000, true, false, 0}, errc::transport, true);
}

TEST(RangeReply, TellsWhatRefusedRangesMean) {
    expect_refusal({"inside", 416, range("bytes */1000"), 50}, errc::transport, true);
    expect_refusal({"beyond the end", 416, range("bytes */50"), 50, false}, errc::transport, false);
    expect_refusal({"no length", 416, etag, 50, false}, errc::transport, false);
    expect_refusal({"junk", 416, range("bytes 0-9/1000"), 50, false}, errc::transport, false);
    expect_body({"empty", 416, range("bytes */0"), 50, false, false, 0}, 0, 0, 50);
    expect_refusal(
        {"emptied", 416, range("bytes */0"), 50, true, false, 0}, errc::object_changed, false);
}

TEST(RangeReply, TellsWhatOtherStatusesMean) {
    expect_refusal({"401", 401, {}, 0}, errc::denied, false);
    expect_refusal({"403", 403, {}, 0}, errc::denied, false);
    expect_refusal({"404", 404, {}, 0}, errc::not_found, false);
    expect_refusal({"410", 410, {}, 0}, errc::not_found, false);
    expect_refusal({"301", 301, {}, 0}, errc::transport, false);
    expect_refusal({"304", 304, {}, 0}, errc::transport, false);
    expect_refusal({"500", 500, {}, 0}, errc::transport, false);
    expect_refusal({"100", 100, {}, 0}, errc::transport, true);
    expect_refusal({"204", 204, {}, {}}, errc::transport, true);
    Row late{"200 with an error", 200, {}, 300};
    late.s3 = S3Code::internal_error;
    expect_refusal(late, errc::transport, false);
    late.s3 = S3Code::access_denied;
    expect_refusal(late, errc::denied, false);
}

TEST(RangeReply, SaysWhatIsWrongWithAnAnswer) {
    const Headers fine = range("bytes 100-199/1000");

    const struct {
        Row row;
        const char* reason;
    } rows[] = {
        {{"several", 206, with(fine, "content-type", "multipart/byteranges; boundary=x"), 100},
         "has several ranges"},
        {{"no length", 206, fine, {}}, "has no Content-Length"},
        {{"2^63 bytes", 206, fine, 1ull << 63}, "Content-Length is no file's"},
        {{"no range", 206, etag, 100}, "does not say which one it is"},
        {{"no range that can be read", 206, range("bytes 100-199"), 100}, "can't be read"},
        {{"beyond its end", 416, range("bytes */1000"), 0, false, false, 2000, 100},
         "the object ends at byte 1000"},
    };

    for (const auto& row : rows) {
        const auto verdict = judge(row.row);
        const auto* refusal = std::get_if<Refusal>(&verdict);
        ASSERT_TRUE(refusal) << row.row.name;
        EXPECT_NE(refusal->problem.reason.find(row.reason), std::string::npos)
            << row.row.name << ": " << refusal->problem.reason;
    }
}

TEST(ContentRange, IsReadByItsGrammarOnly) {
    const auto range = parse_content_range("bytes 0-9223372036854775806/9223372036854775807");
    ASSERT_TRUE(range);
    EXPECT_EQ(range->last, 9223372036854775806u);
    EXPECT_EQ(range->total, 9223372036854775807u);
    EXPECT_FALSE(parse_content_range("bytes 0-0/*")->total);
    EXPECT_TRUE(parse_content_range("bytes */7")->unsatisfied);
    for (const char* text : {
             "",
             "bytes",
             "bytes ",
             "bytes 0-9",
             "bytes 0-9/",
             "bytes 0-/10",
             "bytes -9/10",
             "bytes 0-9/10 ",
             "bytes  0-9/10",
             "bytes 0 -9/10",
             "bytes=0-9/10",
             "bytes 0-9/10, 20-29/100",
             "items 0-9/10",
             "bytes 9-0/10",
             "bytes 9-0/*",
             "bytes 0-10/10",
             "bytes */*",
             "bytes +0-9/10",
             "bytes 0x0-9/10",
             "bytes 0-9/1e9",
             "bytes 0-9/**",
             "bytes 0-9*",
             "bytes *7",
             "bytes 0-9223372036854775807/*/",
             "bytes 0-9223372036854775808/*",
             "bytes 0-18446744073709551615/*",
             "bytes 0-9/18446744073709551616",
             "bytes 18446744073709551616-18446744073709551617/18446744073709551618",
             "bytes 0-9/99999999999999999999999999999999",
         })
        EXPECT_FALSE(parse_content_range(text)) << text;
}

} // namespace
} // namespace tz
