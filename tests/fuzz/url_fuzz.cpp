// An input is a URL and, after a line end, a Location seen from it. What was parsed is the same
// when it is put together and parsed again, as it is and as people see it; nothing else than
// tz::Error comes out of either.
#include "memory_bound.hpp"
#include <tz/format/error.hpp>
#include <tz/protocols/ip_address.hpp>
#include <tz/protocols/proxy.hpp>
#include <tz/protocols/redirect.hpp>
#include <tz/protocols/url.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>

namespace {

using tz::Url;
using tz::test::require;

std::string rebuilt(const Url& url) {
    const std::string user =
        url.userinfo.empty() ? "" : tz::percent_encode(url.userinfo, false) + '@';
    return (url.tls ? "https://" : "http://") + user + url.authority() + url.target();
}

std::optional<Url> parse(std::string_view text) {
    try {
        return tz::parse_url(text);
    } catch (const tz::Error& error) {
        require(error.kind() == tz::errc::usage && !error.hint().empty());
        return {};
    }
}

void check(const Url& url) {
    require(!url.host.empty() && url.port != 0 && url.path.starts_with('/'));
    const std::string wire = url.authority() + url.target();
    require(std::ranges::all_of(wire, [](char c) { return c > 0x20 && c < 0x7f; }));
    require(tz::parse_url(rebuilt(url)) == url);
    const Url shown = tz::parse_url(printable(url));
    require(shown.same_origin(url) && shown.path == url.path && shown.userinfo.empty());
    require(printable(shown) == printable(url));
    tz::percent_decode(url.path);
    tz::percent_decode(url.query);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const tz::test::MemoryBound bound(size);
    const std::size_t end = std::min(input.find('\n'), input.size());
    const std::optional<Url> base = parse(input.substr(0, end));
    if (!base)
        return 0;
    check(*base);
    const std::string location(input.substr(std::min(end + 1, input.size())));
    tz::bypasses_proxy(base->host, location);
    try {
        const Url url = tz::resolve(*base, location);
        check(url);
        require(url.userinfo.empty() || url.same_origin(*base));
        const tz::Redirect redirect = tz::follow_redirect({*base, *base}, 302, location);
        require(redirect.url.tls || !base->tls);
        require(
            tz::reach_of_host(redirect.url.host) == tz::Reach::anywhere ||
            tz::reach_of_host(redirect.url.host) == tz::reach_of_host(base->host));
    } catch (const tz::Error& error) {
        require(error.kind() == tz::errc::transport || error.kind() == tz::errc::denied);
    }
    return 0;
}
