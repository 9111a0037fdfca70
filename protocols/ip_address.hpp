// Literal IP addresses, and how far each reaches: what a redirect from a public server must not
// lead to, and what never goes through a proxy. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace tz {

/// 4 or 16 bytes in network order.
class IpAddress {
public:
    /// "192.0.2.1" or "2001:db8::1", without brackets and zone; nothing for other text.
    static std::optional<IpAddress> parse(const std::string& text);

    std::span<const std::uint8_t> bytes() const { return {bytes_.data(), size_}; }

    /// Shortest form, lower case.
    std::string text() const;

    bool operator==(const IpAddress&) const = default;

private:
    std::array<std::uint8_t, 16> bytes_{};
    std::size_t size_ = 0;
};

/// Whether two addresses have their first `bits` in common.
bool starts_alike(
    std::span<const std::uint8_t> one, std::span<const std::uint8_t> other, unsigned bits);

enum class Reach : std::uint8_t {
    anywhere, ///< RFC 1918 networks too: a public name may well stand for a server inside
    link,     ///< link-local, which holds most clouds' metadata services, and the others of these
    machine,  ///< loopback, and "unspecified", which connects to this machine
};

/// Of 4 or 16 bytes; an IPv4 address inside an IPv6 one (mapped, compatible, NAT64, 6to4) counts as
/// that IPv4 address.
Reach reach_of(std::span<const std::uint8_t> address);

/// `host` as in `Url`: an address, `localhost` or a name of a metadata service; others reach
/// anywhere, as far as can be told without asking DNS.
Reach reach_of_host(const std::string& host);

/// Whether only this machine or its link reach it. For each address that the host of a redirect
/// resolved to, when that host is not the one that the caller named.
bool is_private_address(std::span<const std::uint8_t> address);

} // namespace tz
