#include <tz/engine/source.hpp>
#include <tz/format/error.hpp>
#include <tz/protocols/http.hpp>
#include <tz/protocols/http_asker.hpp>
#include <tz/protocols/http_source.hpp>
#include <tz/protocols/ip_address.hpp>

#include <utility>

namespace tz {

std::shared_ptr<Source> open_http(const std::string& text, const NetworkOptions& network, Log log) {
    Url url = parse_url(text);
    const bool local = reach_of_host(url.host) == Reach::machine;
    if (!url.userinfo.empty() && !url.tls && !local && !network.allow_http)
        throw Error(
            errc::usage,
            "the URL's user and password would go over plain http, for all to read",
            {},
            "use https, or --allow-http")
            .in(printable(url));
    HttpSource::Setup setup;
    setup.name = printable(url);
    setup.transport = Transport::of(network.transport, log);
    if (url.tls)
        setup.transport->tls();
    setup.asker = std::make_unique<HttpAsker>(url, network.redirects_max);
    setup.url = std::move(url);
    setup.retry = network.retry;
    setup.hedge = network.hedge;
    setup.log = std::move(log);
    return std::make_shared<HttpSource>(std::move(setup));
}

} // namespace tz
