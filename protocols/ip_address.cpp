#include "ip_address.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cassert>

namespace tz {

namespace {

struct Network {
    std::array<std::uint8_t, 16> prefix;
    unsigned bits;
    Reach reach;
};

constexpr Network networks4[] = {
    {{0}, 8, Reach::machine},
    {{127}, 8, Reach::machine},
    {{169, 254}, 16, Reach::link},
    {{100, 100, 100, 200}, 32, Reach::link}, // Alibaba Cloud's metadata
    {{168, 63, 129, 16}, 32, Reach::link},   // Azure's
    {{192, 0, 0, 192}, 32, Reach::link},     // Oracle Cloud's, the old one
};

constexpr Network networks6[] = {
    {{}, 128, Reach::machine},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, Reach::machine},
    {{0xfe, 0x80}, 10, Reach::link},
    {{0xfd, 0x00, 0x0e, 0xc2}, 32, Reach::link}, // Amazon's metadata
    {{0xfd, 0x20, 0x00, 0xce, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54},
     128,
     Reach::link}, // Google's
};

// Prefixes behind which an IPv4 address stands.
constexpr Network embedding[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, Reach::anywhere}, // mapped
    {{0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0}, 96, Reach::anywhere}, // translated
    {{0, 0x64, 0xff, 0x9b}, 96, Reach::anywhere},                      // NAT64
    {{0x20, 0x02}, 16, Reach::anywhere},                               // 6to4
    {{}, 96, Reach::anywhere},                                         // compatible
};

bool inside(std::span<const std::uint8_t> address, const Network& network) {
    return starts_alike(address, network.prefix, network.bits);
}

Reach reach_in(std::span<const Network> networks, std::span<const std::uint8_t> address) {
    const auto found =
        std::ranges::find_if(networks, [&](const Network& one) { return inside(address, one); });
    return found == networks.end() ? Reach::anywhere : found->reach;
}

} // namespace

std::optional<IpAddress> IpAddress::parse(const std::string& text) {
    IpAddress address;
    if (::inet_pton(AF_INET, text.c_str(), address.bytes_.data()) == 1)
        address.size_ = 4;
    else if (::inet_pton(AF_INET6, text.c_str(), address.bytes_.data()) == 1)
        address.size_ = 16;
    else
        return {};
    return address;
}

std::string IpAddress::text() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(size_ == 4 ? AF_INET : AF_INET6, bytes_.data(), text.data(), text.size());
    return text.data();
}

bool starts_alike(
    std::span<const std::uint8_t> one, std::span<const std::uint8_t> other, unsigned bits) {
    assert(bits <= 8 * std::min(one.size(), other.size()));
    const std::size_t whole = bits / 8;
    const unsigned rest = bits % 8;
    return std::equal(one.begin(), one.begin() + whole, other.begin()) &&
           (rest == 0 || (one[whole] ^ other[whole]) >> (8 - rest) == 0);
}

Reach reach_of(std::span<const std::uint8_t> address) {
    assert(address.size() == 4 || address.size() == 16);
    if (address.size() == 4)
        return reach_in(networks4, address);
    const Reach reach = reach_in(networks6, address);
    if (reach != Reach::anywhere)
        return reach;
    for (const Network& network : embedding)
        if (inside(address, network))
            return reach_of(address.subspan(network.bits / 8, 4));
    return Reach::anywhere;
}

Reach reach_of_host(const std::string& host) {
    if (const auto address = IpAddress::parse(host))
        return reach_of(address->bytes());
    std::string name = host;
    if (name.ends_with('.'))
        name.pop_back();
    if (name == "localhost" || name.ends_with(".localhost") || name == "localhost.localdomain" ||
        name == "ip6-localhost" || name == "ip6-loopback")
        return Reach::machine;
    if (name == "metadata.google.internal" || name == "metadata.goog" || name == "instance-data" ||
        name == "instance-data.ec2.internal")
        return Reach::link;
    return Reach::anywhere;
}

bool is_private_address(std::span<const std::uint8_t> address) {
    return reach_of(address) != Reach::anywhere;
}

} // namespace tz
