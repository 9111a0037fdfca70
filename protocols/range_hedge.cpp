// A request of a range that is sent once more where its answer is late.
#include <tz/engine/cleared_slot.hpp>
#include <tz/protocols/hedge.hpp>
#include <tz/protocols/range_reader.hpp>
#include <tz/protocols/range_transfer.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/steady_timer.hpp>

#include <exception>
#include <utility>

namespace tz {

namespace {

using Clock = std::chrono::steady_clock;

// Others were later, or there were too many: that changes as they are answered.
constexpr std::chrono::milliseconds look_again{100};

[[noreturn]] void give_way() {
    throw boost::system::system_error(asio::error::operation_aborted);
}

} // namespace

/// Both requests and their answers' heads; outlives the two coroutines. Bodies are read when both
/// have ended, from one connection.
struct RangeReader::Twice {
    Twice(Attempt& of, Hedging& host, Loop& loop)
        : attempt(of),
          request(host, Clock::now()),
          timer(loop.context()) {}

    Attempt& attempt;
    Hedging::Request request;
    asio::steady_timer timer; ///< of the second
    bool over = false;        ///< the first has ended
    std::optional<ReplyHead> first;
    std::optional<ReplyHead> second;
    std::unique_ptr<ConnectionPool::Lease> lease; ///< of the second
};

/// A second one that is on its way goes on.
struct RangeReader::EndOfFirst {
    Twice& twice;

    ~EndOfFirst() {
        twice.over = true;
        twice.timer.cancel();
    }
};

/// The answer's head comes to `attempt`, and its body by `attempt.connection()`.
awaitable<void> RangeReader::exchange(Attempt& attempt) {
    ++counters_.requests;
    Hedging* const hedging = source_->hedging();
    if (hedging == nullptr) {
        attempt.head = co_await attempt.connection().exchange(attempt.question.request);
        co_return;
    }
    Twice twice(attempt, *hedging, loop_);
    // Their first steps run right here, on the loop, before anything can cancel them (CONTRIBUTING,
    // Traps 4).
    auto group = asio::experimental::make_parallel_group(
        asio::co_spawn(loop_.context(), send_first(twice), asio::deferred),
        asio::co_spawn(loop_.context(), send_again(twice), asio::deferred));
    const auto [order, first_error, second_error] =
        co_await group.async_wait(asio::experimental::wait_for_one_success(), use_awaitable);
    if (twice.second && (!twice.first || order[0] == 1)) {
        ++counters_.hedges_won;
        attempt.lease->connection.reset();
        attempt.lease = std::move(twice.lease);
        attempt.head = std::move(*twice.second);
    } else {
        if (twice.lease)
            twice.lease->connection.reset();
        if (!twice.first)
            std::rethrow_exception(first_error);
        attempt.head = std::move(*twice.first);
    }
    if (is_object(attempt.head.status))
        twice.request.answered(Clock::now());
}

awaitable<void> RangeReader::send_first(Twice& twice) {
    const EndOfFirst end{twice}; // also where the coroutine is given up for want of memory
    twice.first = co_await twice.attempt.connection().exchange(twice.attempt.question.request);
}

awaitable<void> RangeReader::send_again(Twice& twice) {
    auto next = twice.request.late();
    do {
        if (twice.over)
            give_way();
        twice.timer.expires_at(next);
        const ClearedSlot cleared(co_await asio::this_coro::cancellation_state);
        co_await twice.timer.async_wait(use_awaitable);
        next = Clock::now() + look_again;
    } while (twice.over || !twice.request.hedge(source_->budget(), Clock::now()));
    try {
        co_await connect_again(twice);
        ++counters_.requests;
        ++counters_.hedged;
        const HttpRequest& request = twice.attempt.question.request;
        twice.second = co_await twice.lease->connection->exchange(request);
    } catch (...) {
        twice.request.hedge_failed();
        throw;
    }
}

awaitable<void> RangeReader::connect_again(Twice& twice) {
    twice.lease =
        std::make_unique<ConnectionPool::Lease>(member_.pool(), way_to(twice.attempt.place));
    if (ConnectionPool::take_idle(*twice.lease))
        co_return;
    if (!ConnectionPool::has_room(*twice.lease))
        give_way();
    co_await open(twice.attempt.place, *twice.lease);
}

} // namespace tz
