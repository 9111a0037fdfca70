// No secret of a URL reaches a text for people.
#include <tz/protocols/url.hpp>

#include <gtest/gtest.h>

namespace tz {
namespace {

std::string shown(const std::string& text) {
    return printable(parse_url(text));
}

TEST(UrlPrintable, ShowsWhatHoldsNoSecret) {
    EXPECT_EQ(shown("HTTPS://Host:8443/a//b%2F?"), "https://host:8443/a//b%2F?");
    EXPECT_EQ(shown("http://[2001:db8::1]/a"), "http://[2001:db8::1]/a");
    EXPECT_EQ(
        shown("http://h/a?versionId=3/L4&partNumber=1"), "http://h/a?versionId=3/L4&partNumber=1");
    EXPECT_EQ(
        shown("http://h/a?response-content-type=text%2Fplain"),
        "http://h/a?response-content-type=text%2Fplain");
}

TEST(UrlPrintable, HidesUserAndPassword) {
    EXPECT_EQ(shown("https://user:canary@h/a"), "https://h/a");
}

TEST(UrlPrintable, HidesTheSecretsOfPresignedUrls) {
    EXPECT_EQ(
        shown(
            "https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=canary"
            "%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires="
            "86400&X-Amz-SignedHeaders=host&X-Amz-Security-Token=canary&X-Amz-Signature=canary"),
        "https://b.s3.amazonaws.com/"
        "k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=...&X-Amz-Date="
        "20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Security-Token=...&"
        "X-Amz-Signature=...");
    EXPECT_EQ(
        shown("https://b.s3.amazonaws.com/"
              "k?AWSAccessKeyId=canary&Expires=1141889120&Signature=canary%2B="),
        "https://b.s3.amazonaws.com/k?AWSAccessKeyId=...&Expires=...&Signature=...");
    EXPECT_EQ(
        shown("https://storage.googleapis.com/b/"
              "k?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential="
              "canary&X-Goog-Date=20190201T000000Z&X-Goog-Expires=900&X-Goog-SignedHeaders=host&"
              "X-Goog-Signature=canary"),
        "https://storage.googleapis.com/b/"
        "k?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=...&"
        "X-Goog-Date=20190201T000000Z&X-Goog-Expires=900&X-Goog-SignedHeaders=host&X-Goog-"
        "Signature=...");
    EXPECT_EQ(
        shown("https://a.blob.core.windows.net/c/k?sv=canary&se=canary&sr=b&sp=r&sig=canary"),
        "https://a.blob.core.windows.net/c/k?sv=...&se=...&sr=...&sp=...&sig=...");
}

TEST(UrlPrintable, HidesEveryUnknownValue) {
    for (const char* query :
         {"token=canary",
          "access_token=canary",
          "canary",
          "a&canary&b",
          "=canary",
          "a=canary=canary",
          "versionId=1;sig=canary",
          "versionId%3Dx=canary",
          "versionId=1&versionId2=canary",
          "xresponse-a=canary",
          "a=&b=canary#canary",
          "X-Amz-Signature=canary",
          "x-amz-signature=canary",
          "%58-Amz-Signature=canary"}) {
        const std::string text = shown(std::string("http://h/a?") + query);
        EXPECT_EQ(text.find("canary"), std::string::npos) << text;
        EXPECT_NE(text.find("..."), std::string::npos) << text;
    }
}

TEST(UrlPrintable, EscapesControlCharacters) {
    Url url = parse_url("http://h/");
    url.path = "/a\x1b[2J\nb";
    EXPECT_EQ(printable(url), "http://h/a\\x1b[2J\\x0ab");
}

} // namespace
} // namespace tz
