#include <tz/format/error.hpp>
#include <tz/protocols/url.hpp>

#include <gtest/gtest.h>

namespace tz {
namespace {

using namespace std::string_literals;

struct Good {
    std::string text;
    std::string authority;
    std::string target;
};

void PrintTo(const Good& good, std::ostream* out) {
    *out << good.text;
}

class GoodUrls : public testing::TestWithParam<Good> {};

TEST_P(GoodUrls, AreTakenApart) {
    const Url url = parse_url(GetParam().text);
    EXPECT_EQ(url.authority(), GetParam().authority);
    EXPECT_EQ(url.target(), GetParam().target);
    EXPECT_EQ(url.path + (url.has_query ? "?" + url.query : ""), url.target());
}

INSTANTIATE_TEST_SUITE_P(
    Targets,
    GoodUrls,
    testing::Values(
        Good{"http://a.example", "a.example", "/"},
        Good{"HTTPS://A.Example/B", "a.example", "/B"},
        Good{"http://a?q", "a", "/?q"},
        Good{"http://a/?", "a", "/?"},
        Good{"http://a/x#part?y/z", "a", "/x"},
        Good{"http://a#@b/", "a", "/"},
        Good{"http://a/b//c///", "a", "/b//c///"},
        Good{"http://a//b", "a", "//b"},
        Good{"http://a/./b/../c/..", "a", "/./b/../c/.."},
        Good{"http://a/b%2Fc%2fd%7e%41+e", "a", "/b%2Fc%2fd%7e%41+e"},
        Good{"http://a/!$&'()*+,;=:@-._~", "a", "/!$&'()*+,;=:@-._~"},
        Good{"http://a/x?a=1&b=%2B+c&&=?/:@;", "a", "/x?a=1&b=%2B+c&&=?/:@;"},
        Good{"http://a/b c", "a", "/b%20c"},
        Good{"http://a/\xE9\x87\x8D", "a", "/%E9%87%8D"},
        Good{"http://a/\xFF", "a", "/%FF"},
        Good{"http://a/x?q=\xC3\xA9 1", "a", "/x?q=%C3%A9%201"},
        Good{"http://a/\"<>\\^`{|}[]", "a", "/%22%3C%3E%5C%5E%60%7B%7C%7D%5B%5D"},
        Good{"http://a/100%", "a", "/100%25"},
        Good{"http://a/%zz%4", "a", "/%25zz%254"},
        Good{"http://a/%%41", "a", "/%25%41"},
        Good{"http://a/b@c:d", "a", "/b@c:d"},
        Good{"http://a/http://b/", "a", "/http://b/"}));

INSTANTIATE_TEST_SUITE_P(
    Authorities,
    GoodUrls,
    testing::Values(
        Good{"http://a:80/", "a", "/"},
        Good{"https://a:443/", "a", "/"},
        Good{"http://a:443/", "a:443", "/"},
        Good{"https://a:80/", "a:80", "/"},
        Good{"http://a:/", "a", "/"},
        Good{"http://a:00080/", "a", "/"},
        Good{"http://a:65535/", "a:65535", "/"},
        Good{"http://a:1?x", "a:1", "/?x"},
        Good{"http://a_b-c.example./", "a_b-c.example.", "/"},
        Good{"http://xn--mller-kva.example/", "xn--mller-kva.example", "/"},
        Good{"http://3com.com/", "3com.com", "/"},
        Good{"http://[::1]/", "[::1]", "/"},
        Good{"http://[2001:DB8:0:0:0:0:0:1]:8080/x", "[2001:db8::1]:8080", "/x"},
        Good{"http://[::ffff:169.254.169.254]", "[::ffff:169.254.169.254]", "/"},
        Good{"http://192.0.2.1:9000/", "192.0.2.1:9000", "/"},
        Good{"http://127.0.0.1./", "127.0.0.1", "/"},
        // as resolvers and browsers read them
        Good{"http://2130706433/", "127.0.0.1", "/"},
        Good{"http://0x7f000001/", "127.0.0.1", "/"},
        Good{"http://0X7F.1/", "127.0.0.1", "/"},
        Good{"http://127.1/", "127.0.0.1", "/"},
        Good{"http://0177.0.0.01/", "127.0.0.1", "/"},
        Good{"http://169.0xfea9fe/", "169.254.169.254", "/"},
        Good{"http://0/", "0.0.0.0", "/"}));

TEST(Url, HasSchemeHostAndPort) {
    const Url url = parse_url("hTTps://[2001:DB8::1]/a?b");
    EXPECT_TRUE(url.tls);
    EXPECT_EQ(url.host, "2001:db8::1");
    EXPECT_EQ(url.port, 443);
    EXPECT_EQ(url.path, "/a");
    EXPECT_EQ(url.query, "b");
    EXPECT_TRUE(url.has_query);
    EXPECT_EQ(url.userinfo, "");
    EXPECT_FALSE(parse_url("http://a/").has_query);
    EXPECT_EQ(parse_url("http://a/").port, 80);
}

TEST(Url, DecodesUserAndPassword) {
    EXPECT_EQ(parse_url("http://user:pa%3Ass%40@a/").userinfo, "user:pa:ss@");
    EXPECT_EQ(parse_url("http://user@a:81/").userinfo, "user");
    EXPECT_EQ(parse_url("http://u:p@w@a/").userinfo, "u:p@w");
    EXPECT_EQ(parse_url("http://u:p@w@a/").host, "a");
    EXPECT_EQ(parse_url("http://@a/").userinfo, "");
}

struct Bad {
    std::string text;
    std::string says;
};

void PrintTo(const Bad& bad, std::ostream* out) {
    *out << bad.text;
}

class BadUrls : public testing::TestWithParam<Bad> {};

TEST_P(BadUrls, AreRefused) {
    try {
        parse_url(GetParam().text);
        FAIL() << "was taken";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), errc::usage);
        EXPECT_NE(std::string(error.what()).find(GetParam().says), std::string::npos)
            << error.what();
        EXPECT_NE(error.hint(), "");
        EXPECT_EQ(std::string(error.what()).find("canary"), std::string::npos) << error.what();
    }
}

INSTANTIATE_TEST_SUITE_P(
    Url,
    BadUrls,
    testing::Values(
        Bad{"", "no http or https URL"},
        Bad{"canary", "no http or https URL"},
        Bad{"canary:canary@a/b", "no http or https URL"},
        Bad{"ftp://canary@a/", "no http or https URL"},
        Bad{"http:/a/canary", "no http or https URL"},
        Bad{"http:a", "no http or https URL"},
        Bad{"://a", "no http or https URL"},
        Bad{"http", "no http or https URL"},
        Bad{" http://a/", "no http or https URL"},
        Bad{"httpx://a/", "no http or https URL"},
        Bad{"http://", "has no host"},
        Bad{"http:///a", "has no host"},
        Bad{"http://?a", "has no host"},
        Bad{"http://:80/", "has no host"},
        Bad{"http://canary@/", "has no host"},
        Bad{"http://./", "has no host"},
        Bad{"http://a:0/", "port"},
        Bad{"http://a:65536/", "port"},
        Bad{"http://a:99999999999999999999/", "port"},
        Bad{"http://a:-1/", "port"},
        Bad{"http://a:+1/", "port"},
        Bad{"http://a: 80/", "port"},
        Bad{"http://a:8x/", "port"},
        Bad{"http://user:canary/", "port"},
        Bad{"http://a:1:2/", "more than one ':'"},
        Bad{"http://::1/", "more than one ':'"},
        Bad{"http://a..b/", "isn't a name"},
        Bad{"http://.a/", "isn't a name"},
        Bad{"http://a../", "isn't a name"},
        Bad{"http://a b/", "isn't a name"},
        Bad{"http://a%41/", "isn't a name"},
        Bad{"http://canary\\@a\\b/", "isn't a name"},
        Bad{"http://a,b/", "isn't a name"},
        Bad{"http://" + std::string(64, 'a') + "/", "isn't a name"},
        Bad{"http://m\xC3\xBCller.example/", "xn--"},
        Bad{"http://\xEF\xBC\x91.0.0.1/", "xn--"}, // a full-width digit
        Bad{"http://1.2.3.256/", "IPv4"},
        Bad{"http://1.2.3.4.5/", "IPv4"},
        Bad{"http://4294967296/", "IPv4"},
        Bad{"http://08/", "IPv4"},
        Bad{"http://0x/", "IPv4"},
        Bad{"http://a.1/", "IPv4"},
        Bad{"http://[::1%25eth0]/", "zone"},
        Bad{"http://[fe80::1%eth0]/", "zone"},
        Bad{"http://[::1/", "IPv6"},
        Bad{"http://[]/", "IPv6"},
        Bad{"http://[1.2.3.4]/", "IPv6"},
        Bad{"http://[::1]a/", "IPv6"},
        Bad{"http://[v1.a]/", "IPv6"},
        Bad{"http://[", "IPv6"},
        Bad{"http://[::1]:0/", "port"},
        Bad{"http://canary%4@a/", "hexadecimal"},
        Bad{"http://canary%0A@a/", "control character"},
        Bad{"http://a/canary\n", "control character"},
        Bad{"http://a/\r\nX: canary", "control character"},
        Bad{"http://a/\tb", "control character"},
        Bad{"http://a/\x7f", "control character"},
        Bad{"http://a/\0b"s, "control character"},
        Bad{"http://a/?\x01", "control character"},
        Bad{"http://a/" + std::string(64 << 10, 'a'), "longer"}));

TEST(Url, RefusesHostsThatDnsHasNoRoomFor) {
    std::string host;
    for (int i = 0; i < 3; ++i)
        host.append(63, 'a').append(1, '.');
    EXPECT_NO_THROW(parse_url("http://" + host + std::string(61, 'a')));
    EXPECT_NO_THROW(parse_url("http://" + host + std::string(61, 'a') + '.'));
    EXPECT_THROW(parse_url("http://" + host + std::string(62, 'a')), Error);
}

TEST(Url, ComparesOrigins) {
    const auto same = [](const char* one, const char* other) {
        return parse_url(one).same_origin(parse_url(other));
    };
    EXPECT_TRUE(same("http://a/x", "http://A:80/y?z"));
    EXPECT_TRUE(same("http://[::1]/", "http://[0:0::1]:80/"));
    EXPECT_TRUE(same("http://u:p@a/", "http://a/"));
    EXPECT_FALSE(same("http://a/", "https://a/"));
    EXPECT_FALSE(same("http://a/", "https://a:80/"));
    EXPECT_FALSE(same("http://a/", "http://a:81/"));
    EXPECT_FALSE(same("http://a/", "http://b/"));
    EXPECT_FALSE(same("http://a/", "http://a./"));
}

struct Reference {
    const char* location;
    const char* result; ///< null where it is refused
};

void PrintTo(const Reference& reference, std::ostream* out) {
    *out << reference.location;
}

class References : public testing::TestWithParam<Reference> {};

TEST_P(References, AreResolved) {
    const Url base = parse_url("http://a/b/c/d;p?q");
    try {
        const Url url = resolve(base, GetParam().location);
        ASSERT_NE(GetParam().result, nullptr) << url.target();
        EXPECT_EQ(url, parse_url(GetParam().result)) << url.target();
    } catch (const Error& error) {
        EXPECT_EQ(GetParam().result, nullptr) << error.what();
        EXPECT_EQ(error.kind(), errc::transport);
        EXPECT_NE(error.hint(), "");
        EXPECT_EQ(std::string(error.what()).find("canary"), std::string::npos) << error.what();
    }
}

// RFC 3986, 5.4, but for "g:h" and "http:g", which lead nowhere that we go.
INSTANTIATE_TEST_SUITE_P(
    Rfc3986,
    References,
    testing::Values(
        Reference{"g:h", nullptr},
        Reference{"http:g", nullptr},
        Reference{"g", "http://a/b/c/g"},
        Reference{"./g", "http://a/b/c/g"},
        Reference{"g/", "http://a/b/c/g/"},
        Reference{"/g", "http://a/g"},
        Reference{"//g", "http://g"},
        Reference{"?y", "http://a/b/c/d;p?y"},
        Reference{"g?y", "http://a/b/c/g?y"},
        Reference{"#s", "http://a/b/c/d;p?q"},
        Reference{"g#s", "http://a/b/c/g"},
        Reference{"g?y#s", "http://a/b/c/g?y"},
        Reference{";x", "http://a/b/c/;x"},
        Reference{"g;x", "http://a/b/c/g;x"},
        Reference{"g;x?y#s", "http://a/b/c/g;x?y"},
        Reference{"", "http://a/b/c/d;p?q"},
        Reference{".", "http://a/b/c/"},
        Reference{"./", "http://a/b/c/"},
        Reference{"..", "http://a/b/"},
        Reference{"../", "http://a/b/"},
        Reference{"../g", "http://a/b/g"},
        Reference{"../..", "http://a/"},
        Reference{"../../", "http://a/"},
        Reference{"../../g", "http://a/g"},
        Reference{"../../../g", "http://a/g"},
        Reference{"../../../../g", "http://a/g"},
        Reference{"/./g", "http://a/g"},
        Reference{"/../g", "http://a/g"},
        Reference{"g.", "http://a/b/c/g."},
        Reference{".g", "http://a/b/c/.g"},
        Reference{"g..", "http://a/b/c/g.."},
        Reference{"..g", "http://a/b/c/..g"},
        Reference{"./../g", "http://a/b/g"},
        Reference{"./g/.", "http://a/b/c/g/"},
        Reference{"g/./h", "http://a/b/c/g/h"},
        Reference{"g/../h", "http://a/b/c/h"},
        Reference{"g;x=1/./y", "http://a/b/c/g;x=1/y"},
        Reference{"g;x=1/../y", "http://a/b/c/y"},
        Reference{"g?y/./x", "http://a/b/c/g?y/./x"},
        Reference{"g?y/../x", "http://a/b/c/g?y/../x"},
        Reference{"g#s/../x", "http://a/b/c/g"}));

INSTANTIATE_TEST_SUITE_P(
    More,
    References,
    testing::Values(
        Reference{"https://h:8443/x/../y//z", "https://h:8443/x/../y//z"},
        Reference{"//h/./x", "http://h/./x"},
        Reference{" /g \t", "http://a/g"},
        Reference{"/g h\xC3\xA9", "http://a/g%20h%C3%A9"},
        Reference{"?", "http://a/b/c/d;p?"},
        Reference{"/x//y", "http://a/x//y"},
        Reference{"/x//../y", "http://a/x/y"},
        Reference{"./g:h", "http://a/b/c/g:h"},
        Reference{"/\\h/x", "http://a/%5Ch/x"},
        Reference{"\\\\h/x", "http://a/b/c/%5C%5Ch/x"},
        Reference{"file:///etc/passwd", nullptr},
        Reference{"ftp://h/canary", nullptr},
        Reference{"gopher://h/canary", nullptr},
        Reference{"data:text/plain,canary", nullptr},
        Reference{"http://canary:canary@h/", nullptr},
        Reference{"//canary@h/", nullptr},
        Reference{"http://", nullptr},
        Reference{"//", nullptr},
        Reference{"///x", nullptr},
        Reference{"http://h:0/canary", nullptr},
        Reference{"/a\r\nX: canary", nullptr}));

TEST(Url, KeepsUserAndPasswordOnTheWayToTheSameHost) {
    const Url base = parse_url("https://u:p@a:1/x");
    EXPECT_EQ(resolve(base, "/y"), parse_url("https://u:p@a:1/y"));
    EXPECT_EQ(resolve(base, "//b/y"), parse_url("https://b/y"));
}

TEST(Url, EncodesEverythingButUnreservedCharacters) {
    EXPECT_EQ(percent_encode("aZ09-._~/ +%\xC3\xA9\n", true), "aZ09-._~/%20%2B%25%C3%A9%0A");
    EXPECT_EQ(percent_encode("a/b", false), "a%2Fb");
    EXPECT_EQ(percent_encode("", false), "");
}

TEST(Url, DecodesWhatItEncoded) {
    std::string all;
    for (int i = 0; i < 256; ++i)
        all += static_cast<char>(i);
    EXPECT_EQ(percent_decode(percent_encode(all, true)), all);
    EXPECT_EQ(percent_decode("%2f%2F+"), "//+");
    for (const char* text : {"%", "a%4", "%g0", "%0g", "%%"})
        EXPECT_THROW(percent_decode(text), Error) << text;
}

} // namespace
} // namespace tz
