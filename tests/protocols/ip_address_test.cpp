#include <tz/protocols/ip_address.hpp>

#include <gtest/gtest.h>

namespace tz {
namespace {

struct Case {
    const char* host;
    Reach reach;
};

void PrintTo(const Case& one, std::ostream* out) {
    *out << one.host;
}

class Hosts : public testing::TestWithParam<Case> {};

TEST_P(Hosts, ReachAsFarAsTheyDo) {
    EXPECT_EQ(reach_of_host(GetParam().host), GetParam().reach);
}

INSTANTIATE_TEST_SUITE_P(
    IpAddress,
    Hosts,
    testing::Values(
        Case{"127.0.0.1", Reach::machine},
        Case{"127.255.255.254", Reach::machine},
        Case{"126.255.255.255", Reach::anywhere},
        Case{"128.0.0.1", Reach::anywhere},
        Case{"0.0.0.0", Reach::machine},
        Case{"0.1.2.3", Reach::machine},
        Case{"169.254.169.254", Reach::link},
        Case{"169.254.170.2", Reach::link},
        Case{"169.254.170.23", Reach::link},
        Case{"169.253.255.255", Reach::anywhere},
        Case{"169.255.0.0", Reach::anywhere},
        Case{"100.100.100.200", Reach::link},
        Case{"100.100.100.201", Reach::anywhere},
        Case{"168.63.129.16", Reach::link},
        Case{"192.0.0.192", Reach::link},
        Case{"10.0.0.1", Reach::anywhere},
        Case{"192.168.1.1", Reach::anywhere},
        Case{"203.0.113.1", Reach::anywhere},
        Case{"::", Reach::machine},
        Case{"::1", Reach::machine},
        Case{"::2", Reach::machine}, // 0.0.0.2, compatible
        Case{"::ffff:127.0.0.1", Reach::machine},
        Case{"::ffff:169.254.169.254", Reach::link},
        Case{"::ffff:203.0.113.1", Reach::anywhere},
        Case{"::ffff:0:169.254.169.254", Reach::link},
        Case{"::169.254.169.254", Reach::link},
        Case{"64:ff9b::169.254.169.254", Reach::link},
        Case{"64:ff9b::203.0.113.1", Reach::anywhere},
        Case{"2002:a9fe:a9fe::1", Reach::link},
        Case{"2002:7f00:1::", Reach::machine},
        Case{"2002:cb00:7101::", Reach::anywhere},
        Case{"fe80::1", Reach::link},
        Case{"febf::1", Reach::link},
        Case{"fec0::1", Reach::anywhere},
        Case{"fd00:ec2::254", Reach::link},
        Case{"fd00:ec2::23", Reach::link},
        Case{"fd00:ec3::23", Reach::anywhere},
        Case{"fd20:ce::254", Reach::link},
        Case{"2001:db8::1", Reach::anywhere},
        Case{"localhost", Reach::machine},
        Case{"localhost.", Reach::machine},
        Case{"a.localhost", Reach::machine},
        Case{"ip6-localhost", Reach::machine},
        Case{"notlocalhost", Reach::anywhere},
        Case{"localhost.example.com", Reach::anywhere},
        Case{"metadata.google.internal", Reach::link},
        Case{"metadata.google.internal.", Reach::link},
        Case{"example.com", Reach::anywhere}));

TEST(IpAddress, IsPrivateWhereOnlyThisMachineOrItsLinkReachIt) {
    const auto is_private = [](const char* text) {
        return is_private_address(IpAddress::parse(text)->bytes());
    };
    EXPECT_TRUE(is_private("127.0.0.1"));
    EXPECT_TRUE(is_private("169.254.169.254"));
    EXPECT_TRUE(is_private("::ffff:169.254.169.254"));
    EXPECT_FALSE(is_private("203.0.113.9"));
    EXPECT_FALSE(is_private("10.1.2.3"));
}

TEST(IpAddress, IsParsedAndShown) {
    EXPECT_EQ(IpAddress::parse("2001:DB8:0:0::1")->text(), "2001:db8::1");
    EXPECT_EQ(IpAddress::parse("192.0.2.1")->text(), "192.0.2.1");
    EXPECT_EQ(IpAddress::parse("::FFFF:192.0.2.1")->text(), "::ffff:192.0.2.1");
    for (const char* text : {"", "1", "1.2.3", "256.1.1.1", "::1%1", "[::1]", "1:2", "a.example"})
        EXPECT_FALSE(IpAddress::parse(text)) << text;
}

} // namespace
} // namespace tz
