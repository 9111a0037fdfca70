// What a wait that failed leaves for the cancellation of a coroutine.
#pragma once

#include <tz/engine/async.hpp>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

namespace tz {

/// Stands before a wait for a timer that does not outlive the coroutine: made of
/// `co_await asio::this_coro::cancellation_state`, it goes before the timer does. Asio 1.81 hands
/// the coroutine's cancellation a pointer to the timer before it takes the memory to wait, and
/// leaves it there where that fails. On the coroutine's thread.
class ClearedSlot {
public:
    explicit ClearedSlot(const asio::cancellation_state& state) : slot_(state.slot()) {}

    ~ClearedSlot() { slot_.clear(); }

    ClearedSlot(const ClearedSlot&) = delete;
    ClearedSlot& operator=(const ClearedSlot&) = delete;

private:
    asio::cancellation_slot slot_;
};

} // namespace tz
