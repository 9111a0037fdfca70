#include <tz/engine/source.hpp>
#include <tz/protocols/http_source.hpp>
#include <tz/protocols/s3.hpp>
#include <tz/protocols/s3_access.hpp>

#include <utility>

namespace tz {

std::shared_ptr<Source> open_s3(const std::string& uri, const NetworkOptions& network, Log log) {
    S3Access access = s3_access(parse_s3_uri(uri), network, log);
    HttpSource::Setup setup;
    setup.name = std::move(access.name);
    setup.url = std::move(access.url);
    setup.transport = std::move(access.transport);
    setup.asker = std::move(access.asker);
    setup.retry = network.retry;
    setup.hedge = network.hedge;
    setup.log = std::move(log);
    return std::make_shared<HttpSource>(std::move(setup));
}

} // namespace tz
