#include <tz/engine/cleared_slot.hpp>
#include <tz/protocols/race.hpp>
#include <tz/protocols/transport_error.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <list>
#include <memory>
#include <optional>
#include <sys/socket.h>
#include <unistd.h>

namespace tz {

namespace {

using asio::ip::tcp;
using Clock = std::chrono::steady_clock;

// A name with more addresses than these gains nothing by trying them all.
constexpr std::size_t attempts_max = 32;

/// Also what an address of a family that the machine lacks ends with.
bool no_way(error_code ec) {
    return ec == asio::error::network_unreachable || ec == asio::error::host_unreachable ||
           ec == asio::error::address_family_not_supported || ec.value() == EADDRNOTAVAIL;
}

/// Shared by the attempts, whose handlers may run after the coroutine that waits has gone.
class Race : public std::enable_shared_from_this<Race> {
public:
    Race(
        const asio::any_io_executor& executor,
        std::vector<tcp::endpoint> endpoints,
        std::chrono::milliseconds delay)
        : endpoints_(std::move(endpoints)),
          delay_(delay),
          next_timer_(executor),
          over_timer_(executor) {}

    void start() { try_next(); }

    awaitable<void> over(Clock::time_point deadline) {
        if (over_)
            co_return;
        over_timer_.expires_at(deadline);
        const ClearedSlot cleared(co_await asio::this_coro::cancellation_state);
        co_await over_timer_.async_wait(asio::as_tuple(use_awaitable));
    }

    void stop() {
        over_ = true;
        next_timer_.cancel();
        attempts_.clear(); // closes them
    }

    bool decided() const { return over_; }

    std::optional<tcp::socket>& winner() { return winner_; }

    error_code error() const { return error_; }

    /// What went wrong on this machine.
    std::exception_ptr failure() const { return failure_; }

private:
    void try_next() {
        while (!over_ && next_ < endpoints_.size()) {
            const tcp::endpoint endpoint = endpoints_[next_++];
            attempts_.emplace_back(next_timer_.get_executor());
            const auto attempt = std::prev(attempts_.end());
            if (const error_code ec = open(*attempt, endpoint)) {
                note(ec);
                attempts_.erase(attempt);
                continue;
            }
            attempt->async_connect(endpoint, [race = shared_from_this(), attempt](error_code ec) {
                if (!race->over_)
                    race->go_on([&race, attempt, ec] { race->ended(attempt, ec); });
            });
            return wait_for_next();
        }
        if (!over_ && attempts_.empty())
            finish();
    }

    static error_code open(tcp::socket& socket, const tcp::endpoint& endpoint) {
        error_code ec;
        const int family = endpoint.protocol().family();
        // Asio's open() lets children that are forked meanwhile inherit it.
        const int file = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
        if (file < 0)
            return {errno, boost::system::system_category()};
        try {
            socket.assign(endpoint.protocol(), file, ec);
        } catch (...) {
            ::close(file);
            throw;
        }
        if (ec)
            ::close(file);
        else
            socket.set_option(tcp::no_delay(true), ec);
        return ec;
    }

    void wait_for_next() {
        if (next_ == endpoints_.size())
            return;
        next_timer_.expires_after(delay_);
        next_timer_.async_wait([race = shared_from_this(), meant = next_](error_code ec) {
            if (!ec && race->next_ == meant)
                race->go_on([&race] { race->try_next(); });
        });
    }

    /// In a handler: who waits is told of what it throws.
    template <typename Step>
    void go_on(Step step) {
        try {
            step();
        } catch (...) {
            failure_ = std::current_exception();
            finish();
        }
    }

    void ended(std::list<tcp::socket>::iterator attempt, error_code ec) {
        if (!ec) {
            winner_.emplace(std::move(*attempt));
            return finish();
        }
        note(ec);
        attempts_.erase(attempt);
        try_next();
    }

    // any other error tells more than that there is no way
    void note(error_code ec) {
        if (!error_ || (no_way(error_) && !no_way(ec)))
            error_ = ec;
    }

    void finish() {
        stop();
        over_timer_.cancel();
    }

    std::vector<tcp::endpoint> endpoints_;
    std::chrono::milliseconds delay_;
    std::size_t next_ = 0;
    std::list<tcp::socket> attempts_;
    asio::steady_timer next_timer_;
    asio::steady_timer over_timer_; ///< what the coroutine waits for
    bool over_ = false;
    std::optional<tcp::socket> winner_;
    error_code error_;
    std::exception_ptr failure_;
};

struct StopRace {
    Race& race;

    ~StopRace() { race.stop(); }
};

[[noreturn]] void fail(const std::string& name, error_code ec) {
    TransportCause cause = TransportCause::reset;
    const char* hint = "check the network";
    if (ec == asio::error::connection_refused) {
        cause = TransportCause::refused;
        hint = "check the host and the port, and that the server runs";
    } else if (ec == asio::error::timed_out) {
        cause = TransportCause::timed_out;
    } else if (no_way(ec)) {
        cause = TransportCause::unreachable;
    }
    throw TransportError(
        {TransportStage::connect, cause},
        "cannot connect to " + printable(name) + ": " + system_message(ec.value()),
        hint);
}

} // namespace

std::vector<tcp::endpoint> interleaved(std::vector<tcp::endpoint> endpoints) {
    if (endpoints.empty())
        return endpoints;
    const bool first = endpoints.front().address().is_v6();
    std::vector<tcp::endpoint> same;
    std::vector<tcp::endpoint> others;
    for (const tcp::endpoint& endpoint : endpoints)
        (endpoint.address().is_v6() == first ? same : others).push_back(endpoint);
    std::vector<tcp::endpoint> mixed;
    for (std::size_t i = 0; i < std::max(same.size(), others.size()); ++i) {
        if (i < same.size())
            mixed.push_back(same[i]);
        if (i < others.size())
            mixed.push_back(others[i]);
    }
    return mixed;
}

awaitable<tcp::socket> connect_first(
    std::vector<tcp::endpoint> endpoints,
    std::chrono::milliseconds delay,
    Clock::time_point deadline,
    std::string name) {
    const auto executor = co_await asio::this_coro::executor;
    std::vector<tcp::endpoint> order = interleaved(std::move(endpoints));
    order.resize(std::min(order.size(), attempts_max));
    const auto race = std::make_shared<Race>(executor, std::move(order), delay);
    const StopRace stop{*race};
    race->start();
    co_await race->over(deadline);
    if (race->winner())
        co_return std::move(*race->winner());
    if (race->failure())
        std::rethrow_exception(race->failure());
    if (race->decided())
        fail(name, race->error());
    if (Clock::now() < deadline)
        throw boost::system::system_error(asio::error::operation_aborted);
    throw TransportError(
        {TransportStage::connect, TransportCause::timed_out},
        "cannot connect to " + printable(name) + ": no answer in time",
        "check the host, the port and firewalls between; or raise the connect timeout");
}

} // namespace tz
