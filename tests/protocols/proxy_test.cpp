#include <tz/format/error.hpp>
#include <tz/protocols/proxy.hpp>

#include <gtest/gtest.h>

#include <map>

namespace tz {
namespace {

using Variables = std::map<std::string, std::string>;

Environment environment(Variables variables) {
    return [variables = std::move(variables)](const std::string& name) {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
}

/// "HOST:PORT" of the proxy; "" for none.
std::string proxy(
    const std::string& target, const Variables& variables, std::optional<std::string> option = {}) {
    const auto url = proxy_for(parse_url(target), option, environment(variables));
    return url ? url->host + ':' + std::to_string(url->port) : "";
}

TEST(Proxy, ComesFromTheEnvironment) {
    EXPECT_EQ(proxy("http://a.example/", {}), "");
    EXPECT_EQ(proxy("http://a.example/", {{"http_proxy", "http://p:3128"}}), "p:3128");
    EXPECT_EQ(proxy("https://a.example/", {{"http_proxy", "http://p:3128"}}), "");
    EXPECT_EQ(proxy("http://a.example/", {{"https_proxy", "http://p:3128"}}), "");
    EXPECT_EQ(proxy("https://a.example/", {{"https_proxy", "http://p:3128"}}), "p:3128");
    EXPECT_EQ(proxy("https://a.example/", {{"HTTPS_PROXY", "http://p:3128"}}), "p:3128");
    EXPECT_EQ(proxy("https://a.example/", {{"all_proxy", "http://p:3128"}}), "p:3128");
    EXPECT_EQ(proxy("http://a.example/", {{"ALL_PROXY", "http://p:3128"}}), "p:3128");
}

TEST(Proxy, IsTheFirstOfTheVariables) {
    EXPECT_EQ(
        proxy("https://a.example/", {{"https_proxy", "http://p:1"}, {"HTTPS_PROXY", "http://q:2"}}),
        "p:1");
    EXPECT_EQ(
        proxy("https://a.example/", {{"HTTPS_PROXY", "http://p:1"}, {"all_proxy", "http://q:2"}}),
        "p:1");
    EXPECT_EQ(
        proxy("http://a.example/", {{"all_proxy", "http://p:1"}, {"ALL_PROXY", "http://q:2"}}),
        "p:1");
    EXPECT_EQ(proxy("http://a.example/", {{"http_proxy", ""}, {"all_proxy", "http://q:2"}}), "q:2");
}

TEST(Proxy, IsNotTakenFromAHeaderOfAnotherRequest) {
    EXPECT_EQ(proxy("http://a.example/", {{"HTTP_PROXY", "http://p:3128"}}), "");
}

TEST(Proxy, OfTheOptionsComesFirst) {
    const Variables variables{{"http_proxy", "http://p:1"}, {"https_proxy", "http://p:1"}};
    EXPECT_EQ(proxy("http://a.example/", variables, "http://q:2"), "q:2");
    EXPECT_EQ(proxy("https://a.example/", variables, "http://q:2"), "q:2");
    EXPECT_EQ(proxy("https://a.example/", variables, ""), "");
    EXPECT_EQ(proxy("http://a.example/", {{"no_proxy", "a.example"}}, "http://q:2"), "");
}

TEST(Proxy, IsWrittenAsForCurl) {
    const auto of = [](const char* text) {
        return proxy("http://a.example/", {{"http_proxy", text}});
    };
    EXPECT_EQ(of("p:3128"), "p:3128");
    EXPECT_EQ(of("p"), "p:1080");
    EXPECT_EQ(of("http://p"), "p:1080");
    EXPECT_EQ(of("http://p:80"), "p:80");
    EXPECT_EQ(of("http://p:443/"), "p:443");
    EXPECT_EQ(of("HTTP://P:3128/path?q"), "p:3128");
    EXPECT_EQ(of("http://[2001:db8::1]:3128"), "2001:db8::1:3128");
    EXPECT_EQ(of("127.0.0.1:3128"), "127.0.0.1:3128");
}

TEST(Proxy, HasCredentialsAndNoPath) {
    const auto url = proxy_for(
        parse_url("https://a.example/"),
        {},
        environment({{"https_proxy", "http://user:p%40ss@p:3128/x?y"}}));
    ASSERT_TRUE(url);
    EXPECT_EQ(url->userinfo, "user:p@ss");
    EXPECT_EQ(url->target(), "/");
    EXPECT_EQ(printable(*url), "http://p:3128/");
    EXPECT_EQ(proxy("http://a.example/", {{"http_proxy", "user:pass@p"}}), "p:1080");
}

TEST(Proxy, IsNeverAskedForThisMachineAndForMetadata) {
    for (const char* target :
         {"http://localhost/",
          "http://127.0.0.1:9000/",
          "http://2130706433/",
          "http://[::1]/",
          "http://x.localhost/",
          "http://169.254.169.254/",
          "http://169.254.170.2/",
          "http://169.254.170.23/",
          "http://[fd00:ec2::254]/",
          "http://[fd00:ec2::23]/",
          "http://[::ffff:169.254.169.254]/"}) {
        EXPECT_EQ(proxy(target, {{"http_proxy", "http://p:1"}, {"all_proxy", "http://p:1"}}), "");
        EXPECT_EQ(proxy(target, {}, "http://p:1"), "") << target;
    }
    EXPECT_EQ(proxy("http://10.0.0.1/", {{"http_proxy", "http://p:1"}}), "p:1");
}

struct Entry {
    const char* no_proxy;
    const char* host;
    bool direct;
};

void PrintTo(const Entry& entry, std::ostream* out) {
    *out << entry.host << " by \"" << entry.no_proxy << '"';
}

class NoProxy : public testing::TestWithParam<Entry> {};

TEST_P(NoProxy, SaysWhatIsAskedDirectly) {
    const Entry& entry = GetParam();
    EXPECT_EQ(bypasses_proxy(entry.host, entry.no_proxy), entry.direct);
    Url url = parse_url("http://host");
    url.host = entry.host;
    for (const char* name : {"no_proxy", "NO_PROXY"}) {
        const auto found =
            proxy_for(url, {}, environment({{"http_proxy", "http://p:1"}, {name, entry.no_proxy}}));
        EXPECT_EQ(found.has_value(), !entry.direct) << name;
    }
}

// Each as curl 7.88 does it, but for IPv6, which that release compares as text only, and for
// networks without a number or of no bits.
INSTANTIATE_TEST_SUITE_P(
    Names,
    NoProxy,
    testing::Values(
        Entry{"local.com", "local.com", true},
        Entry{"local.com", "www.local.com", true},
        Entry{"local.com", "notlocal.com", false},
        Entry{"local.com", "com", false},
        Entry{"local.com", "local.com.evil.com", false},
        Entry{".local.com", "local.com", true},
        Entry{".local.com", "www.local.com", true},
        Entry{".local.com", "notlocal.com", false},
        Entry{"..local.com", "www.local.com", false},
        Entry{"LOCAL.com", "local.com", true},
        Entry{"local.com.", "local.com", true},
        Entry{"local.com", "local.com.", true},
        Entry{"local.com:80", "local.com", false},
        Entry{"*", "local.com", true},
        Entry{"*", "192.0.2.1", true},
        Entry{"*", "2001:db8::1", true},
        Entry{" *", "local.com", false},
        Entry{"b.com,*", "local.com", false},
        Entry{"*.local.com", "www.local.com", false},
        Entry{"b.com,local.com", "local.com", true},
        Entry{"b.com , local.com", "local.com", true},
        Entry{"b.com local.com", "local.com", true},
        Entry{"b.com\tlocal.com", "local.com", true},
        Entry{",,local.com,", "local.com", true},
        Entry{"b.com;local.com", "local.com", false},
        Entry{"  ", "local.com", false},
        Entry{".", "local.com", false},
        Entry{"", "local.com", false}));

INSTANTIATE_TEST_SUITE_P(
    Addresses,
    NoProxy,
    testing::Values(
        Entry{"192.0.2.9", "192.0.2.9", true},
        Entry{"192.0.2.9", "192.0.2.99", false},
        Entry{"0.2.9", "192.0.2.9", false},
        Entry{"192.0.2.0/24", "192.0.2.9", true},
        Entry{"192.0.2.77/24", "192.0.2.9", true},
        Entry{"192.0.2.0/28", "192.0.2.15", true},
        Entry{"192.0.2.0/28", "192.0.2.16", false},
        Entry{"192.0.2.9/32", "192.0.2.9", true},
        Entry{"0.0.0.0/0", "192.0.2.9", true},
        Entry{"192.0.2.9/33", "192.0.2.9", false},
        Entry{"192.0.2.9/", "192.0.2.9", false},
        Entry{"192.0.2.9/x", "192.0.2.9", false},
        Entry{"192.0.2.9/-1", "192.0.2.9", false},
        Entry{"192.0.2.9/24", "2001:db8::9", false},
        Entry{"b.com,10.0.0.0/8", "10.9.8.7", true},
        Entry{"2001:db8::9", "2001:db8::9", true},
        Entry{"2001:0DB8:0::9", "2001:db8::9", true},
        Entry{"2001:db8::/32", "2001:db8::9", true},
        Entry{"2001:db8::/31", "2001:db9::9", true},
        Entry{"2001:db8::/32", "2001:db9::9", false},
        Entry{"2001:db8::9/128", "2001:db8::9", true},
        Entry{"2001:db8::9/129", "2001:db8::9", false}));

TEST(NoProxy, IsReadInLowerCaseFirst) {
    const Variables both{
        {"http_proxy", "http://p:1"}, {"no_proxy", "b.com"}, {"NO_PROXY", "a.com"}};
    EXPECT_EQ(proxy("http://a.com/", both), "p:1");
    EXPECT_EQ(proxy("http://b.com/", both), "");
}

struct Bad {
    const char* text;
    const char* says;
};

TEST(Proxy, IsRefusedWhereItCannotBeUsed) {
    for (const Bad& bad :
         {Bad{"https://canary:canary@p:3128", "over TLS"},
          Bad{"HTTPS://p", "over TLS"},
          Bad{"socks4://p:1080", "SOCKS"},
          Bad{"socks5://canary:canary@p:1080", "SOCKS"},
          Bad{"socks5h://p:1080", "SOCKS"},
          Bad{"ftp://canary@p", "no proxy that can be used"},
          Bad{"http://canary@", "no proxy that can be used"},
          Bad{"canary:canary@p:0", "no proxy that can be used"},
          Bad{"http://p:canary", "no proxy that can be used"},
          Bad{"canary\nx", "no proxy that can be used"}}) {
        SCOPED_TRACE(bad.text);
        try {
            proxy("http://a.example/", {{"http_proxy", bad.text}});
            ADD_FAILURE() << "was taken";
        } catch (const Error& error) {
            const std::string text = error.what();
            EXPECT_EQ(error.kind(), errc::usage);
            EXPECT_NE(text.find(bad.says), text.npos) << text;
            EXPECT_NE(text.find("http_proxy"), text.npos) << text;
            EXPECT_EQ(text.find("canary"), text.npos) << text;
            EXPECT_NE(error.hint(), "");
        }
        EXPECT_THROW(proxy("http://a.example/", {}, bad.text), Error);
        // what isn't used need not be usable
        EXPECT_EQ(proxy("http://a.example/", {{"http_proxy", bad.text}, {"no_proxy", "*"}}), "");
    }
}

} // namespace
} // namespace tz
