#include <tz/engine/cleared_slot.hpp>
#include <tz/protocols/connection_pool.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>

#include <algorithm>
#include <utility>

namespace tz {

namespace {

constexpr std::chrono::seconds probe_every{5};

} // namespace

ConnectionPool::Member::Member(std::shared_ptr<ConnectionPool> pool) : pool_(std::move(pool)) {
    ++pool_->readers_;
}

ConnectionPool::Member::~Member() {
    --pool_->readers_;
    pool_->trim();
}

ConnectionPool::Lease::Lease(ConnectionPool& pool, const std::string& way)
    : pool_(pool),
      way_(pool.ways_[way]) {
    way_.idle.reserve(way_.idle.size() + way_.out + 1); // for all that come back: that can't fail
    ++way_.out;
}

ConnectionPool::Lease::~Lease() {
    pool_.give_back(*this);
}

void ConnectionPool::Lease::answered() {
    if (answered_)
        return;
    answered_ = true;
    ++way_.answered;
    const auto all = static_cast<unsigned>(way_.answered + way_.idle.size());
    if (way_.limit && all > *way_.limit) {
        way_.limit = all; // it bears more by now, and maybe more than that
        way_.probe = Connection::Clock::now();
    }
}

bool ConnectionPool::Lease::crowded_out() {
    const std::size_t others = way_.answered - (answered_ ? 1 : 0) + way_.idle.size();
    if (others == 0)
        return false;
    way_.limit = static_cast<unsigned>(others);
    way_.probe = Connection::Clock::now() + probe_every;
    return true;
}

std::unique_ptr<Connection> ConnectionPool::take_idle(Way& way) {
    while (!way.idle.empty()) {
        std::unique_ptr<Connection> connection = std::move(way.idle.back());
        way.idle.pop_back();
        if (connection->reusable())
            return connection;
    }
    return nullptr;
}

bool ConnectionPool::take_idle(Lease& lease) {
    lease.connection = take_idle(lease.way_);
    if (lease.connection)
        lease.answered();
    return lease.connection != nullptr;
}

bool ConnectionPool::has_room(const Lease& lease) {
    const Way& way = lease.way_;
    // those that wait have a lease, as this one has
    return !way.limit || way.out - way.waiters.size() <= *way.limit;
}

awaitable<void> ConnectionPool::take(Lease& lease, std::chrono::milliseconds patience) {
    Way& way = lease.way_;
    take_idle(lease);
    if (lease.connection || has_room(lease))
        co_return;
    const auto now = Connection::Clock::now();
    if (now >= way.probe) {
        way.probe = now + probe_every;
        co_return;
    }

    struct Place {
        Place(Way& its_way, asio::io_context& context)
            : waiter{asio::steady_timer(context)},
              way(its_way),
              at(way.waiters.insert(way.waiters.end(), &waiter)) {}

        ~Place() {
            if (!waiter.woken)
                way.waiters.erase(at);
            else if (waiter.given)
                --way.answered;
        }

        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;

        Waiter waiter;
        Way& way;
        std::list<Waiter*>::iterator at;
    };

    Place place(way, context_);
    place.waiter.timer.expires_after(patience);
    const ClearedSlot cleared(co_await asio::this_coro::cancellation_state);
    const auto [ec] = co_await place.waiter.timer.async_wait(asio::as_tuple(use_awaitable));
    if (ec && !place.waiter.woken)
        throw boost::system::system_error(ec); // cancelled
    lease.connection = std::move(place.waiter.given);
    lease.answered_ = lease.connection != nullptr; // counted when it was handed over
}

void ConnectionPool::wake(Way& way, std::unique_ptr<Connection> connection) {
    Waiter& first = *way.waiters.front();
    way.waiters.pop_front();
    if (connection)
        ++way.answered;
    first.given = std::move(connection);
    first.woken = true;
    first.timer.cancel();
}

void ConnectionPool::give_back(Lease& lease) {
    Way& way = lease.way_;
    --way.out;
    if (lease.answered_)
        --way.answered;
    const bool good = lease.connection && lease.connection->reusable();
    if (!good)
        lease.connection.reset();
    const bool room = !way.limit || way.out - way.waiters.size() < *way.limit;
    if (!way.waiters.empty() && (good || room)) {
        wake(way, std::move(lease.connection)); // with none, it may open one instead of this
    } else if (good) {
        way.idle.push_back(std::move(lease.connection));
        trim();
    }
}

/// Closes those that have waited longest.
void ConnectionPool::trim() {
    std::size_t idle = 0;
    for (const auto& [name, way] : ways_)
        idle += way.idle.size();
    for (auto& [name, way] : ways_)
        while (idle > readers_ && !way.idle.empty()) {
            way.idle.erase(way.idle.begin());
            --idle;
        }
}

} // namespace tz
