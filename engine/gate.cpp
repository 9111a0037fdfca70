#include <tz/engine/gate.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/error.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace tz {

// Always posted: the waiter resumes on its own loop and never inside the caller of advance().
void Gate::complete(Waiters one, error_code ec) {
    WayBack& back = one.front().back;
    auto resume = [one = std::move(one), ec]() mutable {
        Handler handler = std::move(one.front().handler);
        one.clear();
        auto slot = asio::get_associated_cancellation_slot(handler);
        if (slot.is_connected())
            slot.clear(); // on the waiter's own thread, as slots demand
        std::move(handler)(ec);
    };
    back.post(std::move(resume));
}

std::uint64_t Gate::value() const {
    const std::lock_guard lock(mutex_);
    return value_;
}

void Gate::advance(std::uint64_t to) {
    Waiters ready;
    {
        const std::lock_guard lock(mutex_);
        value_ = std::max(value_, to);
        for (auto waiter = waiters_.begin(); waiter != waiters_.end();) {
            const auto next = std::next(waiter);
            if (waiter->target <= value_)
                ready.splice(ready.end(), waiters_, waiter);
            waiter = next;
        }
    }
    while (!ready.empty()) {
        Waiters one;
        one.splice(one.end(), ready, ready.begin());
        complete(std::move(one), error_code());
    }
}

void Gate::wait(std::uint64_t target, Handler handler, asio::any_io_executor executor) {
    Waiters one;
    Waiter& waiter = one.emplace_back(target, std::move(handler), std::move(executor));
    std::unique_lock lock(mutex_);
    waiter.id = next_id_++;
    if (value_ >= target) {
        lock.unlock();
        return complete(std::move(one), error_code());
    }
    auto slot = asio::get_associated_cancellation_slot(waiter.handler);
    if (slot.is_connected())
        slot.assign([this, id = waiter.id](asio::cancellation_type) { cancel(id); });
    waiters_.splice(waiters_.end(), one);
}

void Gate::cancel(std::uint64_t id) {
    Waiters one;
    {
        const std::lock_guard lock(mutex_);
        const auto found = std::find_if(
            waiters_.begin(), waiters_.end(), [id](const Waiter& w) { return w.id == id; });
        if (found == waiters_.end())
            return; // reached in the meantime
        one.splice(one.end(), waiters_, found);
    }
    complete(std::move(one), asio::error::operation_aborted);
}

} // namespace tz
