#include <tz/engine/loop.hpp>
#include <tz/protocols/connection_pool.hpp>
#include <tz/protocols/proxy.hpp>
#include <tz/protocols/transport.hpp>

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace tz {

namespace {

Transport::Variables proxy_variables() {
    Transport::Variables variables;
    for (const char* name :
         {"http_proxy",
          "https_proxy",
          "HTTPS_PROXY",
          "all_proxy",
          "ALL_PROXY",
          "no_proxy",
          "NO_PROXY"})
        if (const char* value = std::getenv(name))
            variables[name] = value;
    return variables;
}

/// The one under this key as long as somebody holds it, or a new one.
template <typename Key, typename T, typename... Args>
std::shared_ptr<T>
shared(std::map<Key, std::weak_ptr<T>>& all, const std::type_identity_t<Key>& key, Args&&... args) {
    std::erase_if(all, [](const auto& entry) { return entry.second.expired(); });
    std::weak_ptr<T>& kept = all[key];
    std::shared_ptr<T> one = kept.lock();
    if (!one)
        kept = one = std::make_shared<T>(std::forward<Args>(args)...);
    return one;
}

struct Known {
    std::mutex mutex;
    std::vector<std::weak_ptr<Transport>> transports; ///< as many as sources use, and dead ones
};

Known& known() {
    static Known all;
    return all;
}

} // namespace

Transport::Transport(const TransportOptions& options, Variables variables)
    : options_(options),
      variables_(std::move(variables)) {}

std::shared_ptr<Transport> Transport::of(const TransportOptions& options, const Log& log) {
    Variables variables = proxy_variables();
    std::shared_ptr<Transport> found;
    {
        Known& all = known();
        const std::lock_guard lock(all.mutex);
        std::erase_if(all.transports, [](const auto& one) { return one.expired(); });
        for (const auto& one : all.transports)
            if (const auto live = one.lock();
                live && live->options_ == options && live->variables_ == variables)
                found = live;
        if (!found) {
            found = std::make_shared<Transport>(options, std::move(variables));
            all.transports.push_back(found);
        }
    }
    if (options.insecure && log && !found->warned_.exchange(true))
        log(LogLevel::warning,
            "certificates are not verified: anybody on the way can read and change what is loaded");
    return found;
}

TlsContext& Transport::tls() {
    const std::lock_guard lock(mutex_);
    if (!tls_)
        tls_ = std::make_unique<TlsContext>(options_);
    return *tls_;
}

bool Transport::tls_made() const {
    const std::lock_guard lock(mutex_);
    return tls_ != nullptr;
}

std::optional<Url> Transport::proxy(const Url& url) const {
    const Environment environment = [this](const std::string& name) -> std::optional<std::string> {
        const auto found = variables_.find(name);
        if (found == variables_.end())
            return {};
        return found->second;
    };
    return proxy_for(url, options_.proxy, environment);
}

std::shared_ptr<RetryBudget> Transport::budget(const std::string& host, unsigned tokens) {
    const std::lock_guard lock(mutex_);
    return shared(budgets_, std::pair(host, tokens), tokens);
}

std::shared_ptr<Hedging> Transport::hedging(const std::string& host) {
    const std::lock_guard lock(mutex_);
    return shared(hedgings_, host);
}

std::shared_ptr<ConnectionPool> Transport::pool(Loop& loop) {
    const std::lock_guard lock(mutex_);
    return shared(pools_, &loop, loop.context());
}

} // namespace tz
