// What sources with the same settings share: whom TLS trusts, proxies, and for each host the budget
// of its retries, how late its answers are, and the connections that wait for the next request.
#pragma once

#include <tz/engine/options.hpp>
#include <tz/protocols/hedge.hpp>
#include <tz/protocols/network.hpp>
#include <tz/protocols/retry.hpp>
#include <tz/protocols/tls.hpp>
#include <tz/protocols/url.hpp>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace tz {

class ConnectionPool;
class Loop;

/// Thread-safe. Outlives the connections that are made with it.
class Transport {
public:
    /// The variables that name proxies, as they were.
    using Variables = std::map<std::string, std::string>;

    /// The one for these options and the environment of now, if a source still uses it; else a new
    /// one. Warns once of options that are unsafe.
    static std::shared_ptr<Transport> of(const TransportOptions& options, const Log& log);

    Transport(const TransportOptions& options, Variables variables);

    const TransportOptions& options() const { return options_; }

    /// Made when it is first asked for, from files: not on a loop, unless `tls_made()`. Throws
    /// `tz::Error`.
    TlsContext& tls();
    bool tls_made() const;

    /// The proxy for this URL, if any.
    std::optional<Url> proxy(const Url& url) const;

    /// Shared by all that use the host with as many tokens.
    std::shared_ptr<RetryBudget> budget(const std::string& host, unsigned tokens);

    /// What is known of the host's answers; shared by all that use it.
    std::shared_ptr<Hedging> hedging(const std::string& host);

    /// The pool of this loop, as long as somebody holds it. On the loop's thread.
    std::shared_ptr<ConnectionPool> pool(Loop& loop);

private:
    const TransportOptions options_;
    const Variables variables_;
    std::atomic<bool> warned_ = false;
    mutable std::mutex mutex_; ///< of what follows
    std::unique_ptr<TlsContext> tls_;
    std::map<std::pair<std::string, unsigned>, std::weak_ptr<RetryBudget>> budgets_;
    std::map<std::string, std::weak_ptr<Hedging>> hedgings_;
    std::map<const Loop*, std::weak_ptr<ConnectionPool>> pools_;
};

} // namespace tz
