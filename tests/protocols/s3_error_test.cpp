#include <tz/protocols/s3_error.hpp>

#include <gtest/gtest.h>

namespace tz {
namespace {

TEST(S3Error, ReadsTheErrorsOfS3AndSts) {
    const auto s3 = s3_error(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code><Message>The "
        "specified key does not exist.</Message><Key>CANARY</Key><RequestId>4A7</RequestId>"
        "<HostId>h</HostId></Error>");
    ASSERT_TRUE(s3);
    EXPECT_EQ(s3->kind, S3Code::no_such_key);
    EXPECT_EQ(s3->code, "NoSuchKey");
    EXPECT_EQ(s3->message, "The specified key does not exist.");
    EXPECT_EQ(s3->request_id, "4A7");
    EXPECT_EQ(s3->region, "");

    const auto sts = s3_error(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender"
        "</Type><Code>InvalidIdentityToken</Code><Message>m</Message></Error>"
        "<RequestId>r</RequestId></ErrorResponse>");
    ASSERT_TRUE(sts);
    EXPECT_EQ(sts->kind, S3Code::invalid_token);
    EXPECT_EQ(sts->request_id, "r");

    const auto other = s3_error(
        "<Response><Errors><Error><Code>New</Code></Error></Errors><RequestID>q</RequestID>"
        "</Response>");
    ASSERT_TRUE(other);
    EXPECT_EQ(other->kind, S3Code::other);
    EXPECT_EQ(other->request_id, "q");
}

TEST(S3Error, SaysWhereTheBucketIs) {
    const auto error = s3_error(
        "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>");
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind, S3Code::wrong_region);
    EXPECT_EQ(error->region, "eu-west-1");
}

TEST(S3Error, TakesNothingFromOtherTexts) {
    for (const char* text :
         {"",
          "busy",
          "{\"Error\": 1}",
          "<html><body>Error</body></html>",
          "<Error></Error>",
          "<Error><Code></Code></Error>",
          "<Error><Code>SlowDown</Code>",
          "<ListBucketResult><Name>b</Name></ListBucketResult>"})
        EXPECT_FALSE(s3_error(text)) << text;
}

TEST(S3Error, KeepsLittleAndPrintsSafely) {
    const auto error = s3_error(
        "<Error><Code>A\x1b[31m</Code><Message>" + std::string(600, 'm') +
        "</Message><RequestId>&lt;&#10;</RequestId></Error>");
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, "A\\x1b[31m");
    EXPECT_EQ(error->message, std::string(512, 'm'));
    EXPECT_EQ(error->request_id, "<\\x0a");
    const std::string start = "<Error><Code>SlowDown</Code></Error>";
    const std::string full = start + std::string(s3_error_bytes_max - start.size(), ' ');
    EXPECT_TRUE(s3_error(full));
    EXPECT_FALSE(s3_error(full + " "));
}

TEST(S3Error, DoesNotExpandEntities) {
    const auto error =
        s3_error("<!DOCTYPE x [<!ENTITY a \"CANARY\"><!ENTITY b SYSTEM \"file:///etc/passwd\">]>"
                 "<Error><Code>&a;</Code><Message>&b;</Message></Error>");
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, "&a;");
    EXPECT_EQ(error->message, "&b;");
}

TEST(S3Error, CutsBetweenCharacters) {
    EXPECT_EQ(printable_part("abc", 3), "abc");
    EXPECT_EQ(printable_part("abcd", 3), "abc");
    EXPECT_EQ(printable_part("ab\u00fc", 3), "ab");
    EXPECT_EQ(printable_part("ab\u00fc", 4), "ab\u00fc");
    EXPECT_EQ(printable_part("\u4e2d\u6587", 5), "\u4e2d");
    EXPECT_EQ(printable_part("", 0), "");
}

TEST(S3Error, SortsCodes) {
    const struct {
        const char* code;
        S3Code kind;
    } cases[] = {
        {"AccessDenied", S3Code::access_denied},
        {"InvalidAccessKeyId", S3Code::invalid_access_key},
        {"SignatureDoesNotMatch", S3Code::signature_mismatch},
        {"ExpiredToken", S3Code::expired_token},
        {"InvalidToken", S3Code::invalid_token},
        {"RequestTimeTooSkewed", S3Code::clock_skewed},
        {"PermanentRedirect", S3Code::wrong_region},
        {"SlowDown", S3Code::slow_down},
        {"InternalError", S3Code::internal_error},
        {"ServiceUnavailable", S3Code::internal_error},
        {"RequestTimeout", S3Code::request_timeout},
        {"NoSuchKey", S3Code::no_such_key},
        {"NoSuchBucket", S3Code::no_such_bucket},
        {"NoSuchVersion", S3Code::no_such_version},
        {"PreconditionFailed", S3Code::precondition_failed},
        {"NoSuchUpload", S3Code::no_such_upload},
        {"ConditionalRequestConflict", S3Code::conflict},
        {"BadDigest", S3Code::damaged},
        {"XAmzContentSHA256Mismatch", S3Code::damaged},
        {"IncompleteBody", S3Code::request_timeout},
        {"QuotaExceeded", S3Code::no_room},
        {"EntityTooSmall", S3Code::bad_request},
        {"InvalidRange", S3Code::invalid_range},
        {"InvalidObjectState", S3Code::archived},
        {"NotImplemented", S3Code::not_supported},
        {"InvalidArgument", S3Code::bad_request},
        {"slowdown", S3Code::other},
        {"", S3Code::other},
    };

    for (const auto& [code, kind] : cases)
        EXPECT_EQ(s3_code(code), kind) << code;
}

} // namespace
} // namespace tz
