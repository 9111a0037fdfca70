#include <tz/protocols/credentials.hpp>
#include <tz/protocols/real_surroundings.hpp>
#include <tz/protocols/s3_access.hpp>

#include <functional>
#include <mutex>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

namespace tz {

namespace {

bool same(const S3Options& a, const S3Options& b) {
    return a.endpoint_url == b.endpoint_url && a.region == b.region && a.profile == b.profile &&
           a.no_sign_request == b.no_sign_request && a.access_key_id == b.access_key_id &&
           a.secret_access_key == b.secret_access_key && a.session_token == b.session_token;
}

/// Of all variables that the search looks at; no copies of secrets are kept.
std::size_t environment_hash() {
    std::size_t sum = 0;
    for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        if (text.starts_with("AWS_") || text.starts_with("S3_") || text.starts_with("aws") ||
            text.starts_with("HOME="))
            sum += std::hash<std::string_view>()(text); // in any order
    }
    return sum;
}

/// One search for credentials, and what it needs. Lives as long as a source that uses it.
struct Searching {
    S3Options options;
    std::shared_ptr<Transport> transport;
    bool endpoint_given = false;
    bool allow_http = false;
    std::size_t environment = 0;
    Surroundings surroundings;
    std::unique_ptr<CredentialsCache> cache;

    bool serves(const Searching& other) const {
        return same(options, other.options) && transport == other.transport &&
               endpoint_given == other.endpoint_given && allow_http == other.allow_http &&
               environment == other.environment;
    }

    void begin() {
        surroundings = real_surroundings(transport);
        auto search = [this] {
            S3Settings settings(options, surroundings);
            return find_credentials(settings, endpoint_given, allow_http);
        };
        cache = std::make_unique<CredentialsCache>(std::move(search), surroundings.now);
    }
};

/// The objects of one bucket need one search, not one each.
std::shared_ptr<CredentialsCache> shared_cache(std::shared_ptr<Searching> wanted) {
    static std::mutex mutex;
    static std::vector<std::weak_ptr<Searching>> known;
    const std::lock_guard lock(mutex);
    std::erase_if(known, [](const auto& one) { return one.expired(); });
    for (const auto& one : known)
        if (auto live = one.lock(); live && live->serves(*wanted))
            return {live, live->cache.get()};
    wanted->begin();
    known.push_back(wanted);
    CredentialsCache* cache = wanted->cache.get();
    return {std::move(wanted), cache};
}

} // namespace

S3Access s3_access(S3Name name, const NetworkOptions& network, const Log& log) {
    TransportOptions options = network.transport;
    const Surroundings surroundings = real_surroundings(Transport::of(options, {}));
    S3Settings settings(network.s3, surroundings);
    S3Endpoint endpoint = find_s3_endpoint(settings);
    options.insecure = options.insecure || !endpoint.verify_tls;

    S3Access access;
    access.name = "s3://" + printable(name.bucket + "/" + name.key);
    if (!name.version_id.empty())
        access.name += "?versionId=" + printable(name.version_id);
    access.url = s3_address(name, endpoint, true).url;
    access.transport = Transport::of(options, log);
    if (access.url.tls)
        access.transport->tls();
    auto searching = std::make_shared<Searching>();
    searching->options = network.s3;
    // a server of the user's that is not to be verified says nothing about those of credentials
    searching->transport = Transport::of(network.transport, {});
    searching->endpoint_given = endpoint.given;
    searching->allow_http = network.allow_http;
    searching->environment = environment_hash();
    access.asker = std::make_unique<S3Asker>(
        std::move(name),
        std::move(endpoint),
        shared_cache(std::move(searching)),
        network.allow_http);
    return access;
}

} // namespace tz
