// A counter that only grows, and coroutines that wait until it has reached a value. Lanes use one
// for each tensor: to wait for its header, and for their turn in its hash chain.
#pragma once

#include <tz/engine/async.hpp>
#include <tz/engine/handler_memory.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>

#include <cstdint>
#include <list>
#include <mutex>
#include <utility>

namespace tz {

/// Any thread may advance it and any loop's coroutine may wait. Outlives its waiters.
class Gate {
public:
    Gate() = default;
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;

    std::uint64_t value() const;

    /// Wakes every waiter whose value is reached; their coroutines resume on their own loops. Takes
    /// no memory.
    void advance(std::uint64_t to);

    /// Completes when `value() >= target`; at once if it is so already. Ends with operation_aborted
    /// when the waiting coroutine is cancelled.
    template <typename Token = asio::use_awaitable_t<>>
    auto reached(std::uint64_t target, Token&& token = {}) {
        return asio::async_initiate<Token, void(error_code)>(
            [this, target](auto handler) {
                // the erased handler can't tell its executor
                asio::any_io_executor executor = asio::get_associated_executor(handler);
                wait(target, std::move(handler), std::move(executor));
            },
            token);
    }

private:
    using Handler = asio::any_completion_handler<void(error_code)>;

    struct Waiter {
        Waiter(std::uint64_t until, Handler waiting, asio::any_io_executor executor)
            : target(until),
              handler(std::move(waiting)),
              back(std::move(executor)) {}

        std::uint64_t target;
        std::uint64_t id = 0;
        Handler handler;
        WayBack back; ///< a waiter keeps its loop running
    };

    /// Lists, so that waiters go from one to another without memory, and stay where they are:
    /// assigning an any_completion_handler of Boost 1.81 by move recurses without end (it copies
    /// itself through its converting constructor).
    using Waiters = std::list<Waiter>;

    void wait(std::uint64_t target, Handler handler, asio::any_io_executor executor);
    static void complete(Waiters one, error_code ec);
    void cancel(std::uint64_t id);

    mutable std::mutex mutex_;
    std::uint64_t value_ = 0;
    std::uint64_t next_id_ = 0;
    Waiters waiters_; ///< at most one a lane
};

} // namespace tz
