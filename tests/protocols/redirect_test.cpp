#include <tz/format/error.hpp>
#include <tz/protocols/redirect.hpp>

#include <gtest/gtest.h>

namespace tz {
namespace {

struct Case {
    const char* current;
    const char* location;
    const char* target; ///< null where it isn't followed
    bool origin_changed = false;
    errc refused = errc::transport;
};

void PrintTo(const Case& one, std::ostream* out) {
    *out << one.current << " to " << one.location;
}

class Redirects : public testing::TestWithParam<Case> {};

/// Followed from the very URL that the caller named.
TEST_P(Redirects, AreFollowedOrRefused) {
    const Case& one = GetParam();
    const Url current = parse_url(one.current);
    for (const unsigned status : {301, 302, 303, 307, 308}) {
        try {
            const Redirect redirect = follow_redirect({current, current}, status, one.location);
            ASSERT_NE(one.target, nullptr) << printable(redirect.url);
            EXPECT_EQ(redirect.url, parse_url(one.target)) << printable(redirect.url);
            EXPECT_EQ(redirect.origin_changed, one.origin_changed);
        } catch (const Error& error) {
            EXPECT_EQ(one.target, nullptr) << error.what();
            EXPECT_EQ(error.kind(), one.refused) << error.what();
            EXPECT_NE(error.hint(), "");
            EXPECT_EQ(std::string(error.what()).find("canary"), std::string::npos) << error.what();
        }
    }
}

INSTANTIATE_TEST_SUITE_P(
    Followed,
    Redirects,
    testing::Values(
        Case{"https://a.example/x", "https://a.example/y", "https://a.example/y"},
        Case{"https://a.example/x", "https://A.EXAMPLE:443/y", "https://a.example/y"},
        Case{"https://a.example/d/x?q", "y", "https://a.example/d/y"},
        Case{"https://a.example/d/x?q", "/y", "https://a.example/y"},
        Case{"https://a.example/d/x?q", "../y", "https://a.example/y"},
        Case{"https://a.example/d/x?q", "?r", "https://a.example/d/x?r"},
        Case{"https://u:p@a.example/x", "/y", "https://u:p@a.example/y"},
        Case{"https://a.example/x", "//b.example/y", "https://b.example/y", true},
        Case{"https://u:p@a.example/x", "https://b.example/y", "https://b.example/y", true},
        Case{"https://u:p@a.example/x", "https://a.example/y", "https://a.example/y"},
        Case{"https://a.example/x", "https://a.example:8443/x", "https://a.example:8443/x", true},
        Case{"https://a.example/x", "https://a.example./x", "https://a.example./x", true},
        Case{"https://a.example/x", "https://b.a.example/x", "https://b.a.example/x", true},
        Case{"http://a.example/x", "https://a.example/x", "https://a.example/x", true},
        Case{"http://a.example/x", "http://b.example/x", "http://b.example/x", true},
        Case{
            "https://a.example/x",
            "https://b.example/?X-Amz-Signature=1",
            "https://b.example/?X-Amz-Signature=1",
            true},
        Case{"https://a.example/x", "https://10.0.0.1/x", "https://10.0.0.1/x", true},
        Case{"http://127.0.0.1:1/x", "http://127.0.0.1:2/x", "http://127.0.0.1:2/x", true},
        Case{"http://localhost/x", "http://[::1]/x", "http://[::1]/x", true},
        Case{"http://127.0.0.1/x", "https://a.example/x", "https://a.example/x", true},
        Case{"http://169.254.1.1/x", "http://169.254.1.2/x", "http://169.254.1.2/x", true}));

INSTANTIATE_TEST_SUITE_P(
    Wrong,
    Redirects,
    testing::Values(
        Case{"https://a.example/x", "", nullptr},
        Case{"https://a.example/x", " \t", nullptr},
        Case{"https://a.example/x", "file:///etc/canary", nullptr},
        Case{"https://a.example/x", "ftp://a.example/canary", nullptr},
        Case{"https://a.example/x", "s3://canary/x", nullptr},
        Case{"https://a.example/x", "javascript:canary", nullptr},
        Case{"https://a.example/x", "https://canary:canary@a.example/y", nullptr},
        Case{"https://u:p@a.example/x", "https://u:p@a.example/y", nullptr},
        Case{"https://a.example/x", "https://a.example@b.example/", nullptr},
        Case{"https://a.example/x", "https://", nullptr},
        Case{"https://a.example/x", "https://a.example:99999/", nullptr},
        Case{"https://a.example/x", "https://[::1%eth0]/", nullptr},
        Case{"https://a.example/x", "/y\r\nSet-Cookie: canary", nullptr},
        Case{"https://a.example/x", "https://a.example\\@127.0.0.1/", nullptr}));

constexpr errc denied = errc::denied;

INSTANTIATE_TEST_SUITE_P(
    Denied,
    Redirects,
    testing::Values(
        Case{"https://a.example/x", "http://a.example/x?sig=canary", nullptr, false, denied},
        Case{"https://a.example/x", "http://b.example/canary", nullptr, false, denied},
        Case{"https://a.example/x", "http://a.example:443/", nullptr, false, denied},
        Case{"https://127.0.0.1/x", "http://127.0.0.1/x", nullptr, false, denied},
        Case{"http://a.example/x", "http://169.254.169.254/latest/canary", nullptr, false, denied},
        Case{"http://a.example/x", "http://169.254.170.2/", nullptr, false, denied},
        Case{"http://a.example/x", "//169.254.169.254/", nullptr, false, denied},
        Case{"http://a.example/x", "http://2852039166/", nullptr, false, denied},
        Case{"http://a.example/x", "http://0xa9fea9fe/", nullptr, false, denied},
        Case{"http://a.example/x", "http://0251.0376.0251.0376/", nullptr, false, denied},
        Case{"http://a.example/x", "http://169.254.43518/", nullptr, false, denied},
        Case{"http://a.example/x", "http://[::ffff:169.254.169.254]/", nullptr, false, denied},
        Case{"http://a.example/x", "http://[::ffff:a9fe:a9fe]/", nullptr, false, denied},
        Case{"http://a.example/x", "http://[64:ff9b::a9fe:a9fe]/", nullptr, false, denied},
        Case{"http://a.example/x", "http://[fd00:ec2::254]/", nullptr, false, denied},
        Case{"http://a.example/x", "http://[fe80::1]/", nullptr, false, denied},
        Case{"http://a.example/x", "http://metadata.google.internal/", nullptr, false, denied},
        Case{"http://a.example/x", "http://127.0.0.1/", nullptr, false, denied},
        Case{"http://a.example/x", "http://127.0.0.1.:8080/", nullptr, false, denied},
        Case{"http://a.example/x", "http://2130706433/", nullptr, false, denied},
        Case{"http://a.example/x", "http://127.1/", nullptr, false, denied},
        Case{"http://a.example/x", "http://0/", nullptr, false, denied},
        Case{"http://a.example/x", "http://[::1]/", nullptr, false, denied},
        Case{"http://a.example/x", "http://[::]/", nullptr, false, denied},
        Case{"http://a.example/x", "http://LOCALHOST/", nullptr, false, denied},
        Case{"http://a.example/x", "http://x.localhost./", nullptr, false, denied},
        Case{"http://10.0.0.1/x", "http://127.0.0.1/", nullptr, false, denied},
        Case{"http://127.0.0.1/x", "http://169.254.169.254/", nullptr, false, denied}));

TEST(Redirect, CountsTheRedirectsThatWereFollowed) {
    const Url url = parse_url("https://a.example/x"); // leads to itself
    unsigned followed = 0;
    try {
        for (; followed < 100; ++followed)
            follow_redirect({url, url, followed, 5}, 302, "/x");
        FAIL() << "goes on for ever";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), errc::transport);
        EXPECT_NE(std::string(error.what()).find("after 5 redirects"), std::string::npos);
    }
    EXPECT_EQ(followed, 5u);
    EXPECT_THROW(follow_redirect({url, url, 0, 0}, 302, "/x"), Error);
}

TEST(Redirect, JudgesByTheUrlThatTheCallerNamed) {
    const Url first = parse_url("http://a.example/"), inside = parse_url("http://127.0.0.1/");
    EXPECT_THROW(follow_redirect({inside, first, 1}, 302, "/x"), Error);
    // gone out to a public server, it may come back
    EXPECT_EQ(follow_redirect({first, inside, 1}, 302, "http://127.0.0.1/x").url.path, "/x");
}

TEST(Redirect, IsOneOfFiveStatuses) {
    const Url url = parse_url("https://a.example/x");
    for (unsigned status = 100; status < 600; ++status) {
        const bool follows =
            status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
        EXPECT_EQ(is_redirect(status), follows) << status;
        if (!follows) {
            EXPECT_THROW(follow_redirect({url, url}, status, "/y"), Error) << status;
        }
    }
}

} // namespace
} // namespace tz
