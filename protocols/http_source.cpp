#include <tz/engine/pace.hpp>
#include <tz/protocols/adapt.hpp>
#include <tz/protocols/http_source.hpp>
#include <tz/protocols/range_reader.hpp>

#include <chrono>
#include <utility>

namespace tz {

namespace {

// Windows of connections grow with the round trip: a near server shows sooner what a change did.
constexpr std::chrono::milliseconds near_period{100};
constexpr std::chrono::milliseconds far_period{500};

class HostPacer final : public Pacer {
public:
    HostPacer(const AdaptOptions& options, std::chrono::milliseconds period)
        : adapt_(options),
          period_(period) {}

    std::chrono::milliseconds period() const override { return period_; }

    unsigned lanes_wanted(const PaceSample& sample) override {
        Tick tick;
        tick.seconds = std::chrono::duration<double>(sample.time - last_.time).count();
        tick.bytes = sample.bytes - last_.bytes;
        tick.active = sample.lanes;
        tick.waiting = sample.waiting;
        tick.answers = static_cast<unsigned>(sample.requests - last_.requests);
        tick.throttled = static_cast<unsigned>(sample.throttles - last_.throttles);
        last_ = sample;
        return adapt_.tick(tick);
    }

private:
    Adapt adapt_;
    std::chrono::milliseconds period_;
    PaceSample last_;
};

/// Sources of one server, by way of one proxy, share lanes.
std::string host_of(const Url& url, const Transport& transport) {
    std::string host = url.origin();
    if (const std::optional<Url> proxy = transport.proxy(url))
        host += " by " + proxy->authority();
    return host;
}

} // namespace

HttpSource::HttpSource(Setup setup)
    : Source(std::move(setup.name)),
      transport_(std::move(setup.transport)),
      asker_(std::move(setup.asker)),
      retry_(setup.retry),
      log_(std::move(setup.log)),
      requests_(name(), log_),
      host_(host_of(setup.url, *transport_)),
      budget_(transport_->budget(host_, retry_.budget)),
      hedging_(setup.hedge ? transport_->hedging(host_) : nullptr) {}

std::unique_ptr<Pacer> HttpSource::pacer(unsigned lanes, unsigned lanes_max) const {
    AdaptOptions options;
    options.start = lanes;
    options.max = lanes_max;
    options.fixed = lanes == lanes_max;
    return std::make_unique<HostPacer>(options, near_ ? near_period : far_period);
}

Preference HttpSource::preference() const {
    return near_ ? near_preference : remote_preference;
}

std::unique_ptr<Reader> HttpSource::reader(Loop& loop, ReadCounters& counters) const {
    return std::make_unique<RangeReader>(*this, loop, counters);
}

const Identity* HttpSource::identity() const {
    const std::lock_guard lock(mutex_);
    return identity_ ? &*identity_ : nullptr;
}

std::optional<format::Checksum> HttpSource::checksum() const {
    const std::lock_guard lock(mutex_);
    return checksum_;
}

void HttpSource::learn(const Identity& identity, std::optional<format::Checksum> checksum) const {
    std::string warning;
    {
        const std::lock_guard lock(mutex_);
        if (identity_) {
            if (const auto what = difference(*identity_, identity))
                throw Error(
                    errc::object_changed,
                    "the object was replaced during the load: " + *what + " changed",
                    {},
                    "load it again");
            return;
        }
        identity_.emplace(identity);
        checksum_ = std::move(checksum);
        learn_bytes(identity.bytes);
        warning = identity_warning(identity);
    }
    if (!warning.empty() && log_)
        log_(LogLevel::warning, name() + ": " + warning);
}

} // namespace tz
