// An object on a server as a Source: what its readers share.
#pragma once

#include <tz/engine/options.hpp>
#include <tz/engine/source.hpp>
#include <tz/protocols/asker.hpp>
#include <tz/protocols/checksum_headers.hpp>
#include <tz/protocols/identity.hpp>
#include <tz/protocols/network.hpp>
#include <tz/protocols/request_log.hpp>
#include <tz/protocols/transport.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace tz {

/// A server in the same building answers within this, a large one elsewhere hardly ever does.
inline constexpr std::chrono::milliseconds near_latency{5};

/// Thread-safe.
class HttpSource final : public Source {
public:
    struct Setup {
        std::string name; ///< for people, without secrets
        Url url;          ///< whose server is the source's host
        std::shared_ptr<Transport> transport;
        std::unique_ptr<Asker> asker;
        RetryOptions retry;
        bool hedge = false;
        Log log;
    };

    explicit HttpSource(Setup setup);

    std::string host() const override { return host_; }

    Preference preference() const override;

    std::unique_ptr<Pacer> pacer(unsigned lanes, unsigned lanes_max) const override;
    std::unique_ptr<Reader> reader(Loop& loop, ReadCounters& counters) const override;

    const std::shared_ptr<Transport>& transport() const { return transport_; }

    Asker& asker() const { return *asker_; }

    const RetryOptions& retry() const { return retry_; }

    const RequestLog& requests() const { return requests_; }

    RetryBudget& budget() const { return *budget_; }

    /// Null where no request is to be sent twice.
    Hedging* hedging() const { return hedging_.get(); }

    /// The version that was answered for first; null until then.
    const Identity* identity() const;
    /// What an answer was about. Throws `tz::Error` (errc::object_changed) if that is another
    /// version than before. `checksum`: of that version, kept with the first one.
    void learn(const Identity& identity, std::optional<format::Checksum> checksum = {}) const;

    /// How long the server took to begin the first answer on an open connection.
    void learn_latency(std::chrono::nanoseconds latency) const { near_ = latency <= near_latency; }

    /// That came with the first answer.
    std::optional<format::Checksum> checksum() const;

private:
    const std::shared_ptr<Transport> transport_;
    const std::unique_ptr<Asker> asker_;
    const RetryOptions retry_;
    const Log log_;
    const RequestLog requests_;
    const std::string host_;
    const std::shared_ptr<RetryBudget> budget_;
    const std::shared_ptr<Hedging> hedging_;
    mutable std::mutex mutex_;
    mutable std::optional<const Identity> identity_; ///< never changes once it is there
    mutable std::optional<format::Checksum> checksum_;
    mutable std::atomic<bool> near_ = false;
};

} // namespace tz
