#include <tz/engine/gate.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace tz {

// Always posted: the waiter resumes on its own loop and never inside the caller of advance().
void Gate::complete(Waiter waiter, error_code ec) {
    auto resume = [handler = std::move(waiter.handler), ec]() mutable {
        auto slot = asio::get_associated_cancellation_slot(handler);
        if (slot.is_connected())
            slot.clear(); // on the waiter's own thread, as slots demand
        std::move(handler)(ec);
    };
    asio::post(waiter.executor, std::move(resume));
}

std::uint64_t Gate::value() const {
    const std::lock_guard lock(mutex_);
    return value_;
}

void Gate::advance(std::uint64_t to) {
    std::list<Waiter> ready;
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
    for (auto& waiter : ready)
        complete(std::move(waiter), error_code());
}

void Gate::wait(std::uint64_t target, Handler handler, asio::any_io_executor executor) {
    std::unique_lock lock(mutex_);
    Waiter waiter{target, next_id_++, std::move(handler), std::move(executor)};
    if (value_ >= target) {
        lock.unlock();
        return complete(std::move(waiter), error_code());
    }
    auto slot = asio::get_associated_cancellation_slot(waiter.handler);
    if (slot.is_connected())
        slot.assign([this, id = waiter.id](asio::cancellation_type) { cancel(id); });
    waiters_.push_back(std::move(waiter));
}

void Gate::cancel(std::uint64_t id) {
    std::unique_lock lock(mutex_);
    const auto found = std::find_if(
        waiters_.begin(), waiters_.end(), [id](const Waiter& w) { return w.id == id; });
    if (found == waiters_.end())
        return; // reached in the meantime
    Waiter waiter = std::move(*found);
    waiters_.erase(found);
    lock.unlock();
    complete(std::move(waiter), asio::error::operation_aborted);
}

} // namespace tz
