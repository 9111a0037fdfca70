#include <tz/format/error.hpp>
#include <tz/protocols/credentials.hpp>
#include <tz/protocols/real_surroundings.hpp>
#include <tz/protocols/s3_address.hpp>
#include <tz/protocols/s3_settings.hpp>
#include <tz/tools/s3_facts.hpp>

#include <memory>
#include <string>

namespace tz::cli {

namespace {

/// Somebody would have been asked. No `tz::Error`: the search takes those for answers.
struct NotAsked {
    std::string place;
};

/// Whom the search is about to ask.
std::string place_of(const HttpCall& call) {
    if (call.container_hosts_only)
        return "container";
    return call.method == "PUT" ? "instance metadata" : "web identity"; // its token is PUT first
}

Surroundings surroundings() {
    Surroundings around = real_surroundings(nullptr);
    around.http = [](const HttpCall& call) -> HttpAnswer { throw NotAsked{place_of(call)}; };
    return around;
}

} // namespace

S3Facts s3_facts(const S3Options& options) {
    S3Facts facts;
    try {
        const Surroundings around = surroundings();
        S3Settings settings(options, around);
        const S3Endpoint endpoint = find_s3_endpoint(settings);
        facts.endpoint = printable(endpoint.url);
        facts.endpoint_source = endpoint.url_source;
        facts.region = endpoint.region;
        facts.region_source = endpoint.region_source;
        facts.credentials = find_credentials(settings, endpoint.given, false).provider;
    } catch (const NotAsked& nobody) {
        facts.credentials = nobody.place;
        facts.asks = true;
    } catch (const Error& error) {
        facts.failure = error.what();
    }
    return facts;
}

} // namespace tz::cli
