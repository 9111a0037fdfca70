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
    std::erase_if(budgets_, [](const auto& entry) { return entry.second.expired(); });
    std::weak_ptr<RetryBudget>& kept = budgets_[{host, tokens}];
    std::shared_ptr<RetryBudget> budget = kept.lock();
    if (!budget)
        kept = budget = std::make_shared<RetryBudget>(tokens);
    return budget;
}

std::shared_ptr<ConnectionPool> Transport::pool(Loop& loop) {
    const std::lock_guard lock(mutex_);
    std::erase_if(pools_, [](const auto& entry) { return entry.second.expired(); });
    std::weak_ptr<ConnectionPool>& kept = pools_[&loop];
    std::shared_ptr<ConnectionPool> pool = kept.lock();
    if (!pool)
        kept = pool = std::make_shared<ConnectionPool>(loop.context());
    return pool;
}

} // namespace tz
