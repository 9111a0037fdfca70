#include <tz/engine/crew.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>

#include <utility>

namespace tz {

namespace {

using Member = decltype(asio::co_spawn(
    std::declval<asio::io_context&>(), std::declval<awaitable<void>>(), asio::deferred));

// Ends when all members have ended; the first that fails cancels the others.
awaitable<void> all_of(std::vector<Member> members) {
    auto group = asio::experimental::make_parallel_group(std::move(members));
    auto [order, errors] =
        co_await group.async_wait(asio::experimental::wait_for_one_error(), use_awaitable);
    for (const auto i : order)
        if (errors[i])
            std::rethrow_exception(errors[i]);
}

std::exception_ptr aborted() {
    return std::make_exception_ptr(boost::system::system_error(asio::error::operation_aborted));
}

} // namespace

// Posting allocates: where even that fails, the coroutines could not be waited for.
Crew::~Crew() {
    try {
        stop(aborted());
    } catch (...) {
        std::terminate();
    }
    wait_for_end();
}

void Crew::start(Loop& loop, std::vector<awaitable<void>> members) {
    Watch* watch = nullptr;
    {
        const std::lock_guard lock(mutex_);
        watch = &watches_.emplace_back();
        watch->loop = &loop;
        watch->members = std::move(members);
        watch->stopped =
            failure_ != nullptr; // a loop that starts late must not wait for one that failed
        ++running_;
    }
    // Inside the loop: a cancellation between co_spawn and a coroutine's first step would escape
    // through io_context::run() (chriskohlhoff/asio#1452).
    asio::post(loop.context(), [this, watch] { run(*watch); });
}

void Crew::run(Watch& watch) {
    if (watch.stopped) {
        watch.members.clear();
        return ended(aborted());
    }
    watch.started = true;
    std::vector<Member> members;
    members.reserve(watch.members.size());
    for (auto& member : watch.members)
        members.push_back(asio::co_spawn(watch.loop->context(), std::move(member), asio::deferred));
    watch.members.clear();
    auto done = [this](std::exception_ptr error) { ended(std::move(error)); };
    asio::co_spawn(
        watch.loop->context(),
        all_of(std::move(members)),
        asio::bind_cancellation_slot(watch.signal.slot(), std::move(done)));
}

void Crew::ended(std::exception_ptr error) {
    if (error)
        stop(std::move(error));
    const std::lock_guard lock(mutex_);
    --running_;
    changed_.notify_all();
}

void Crew::stop(std::exception_ptr reason) {
    const std::lock_guard lock(mutex_);
    if (failure_)
        return;
    failure_ = std::move(reason);
    for (auto& watch : watches_) {
        asio::post(watch.loop->context(), [this, w = &watch] {
            w->stopped = true;
            if (w->started)
                w->signal.emit(asio::cancellation_type::terminal);
            const std::lock_guard inner(mutex_);
            --running_;
            changed_.notify_all();
        });
        ++running_; // wait() outlasts the posted function, which uses the watch
    }
}

void Crew::wait(std::chrono::milliseconds period, const std::function<void()>& tick) {
    std::unique_lock lock(mutex_);
    while (running_ > 0) {
        changed_.wait_for(lock, period, [this] { return running_ == 0 || nudged_; });
        nudged_ = false;
        if (!tick || running_ == 0 || failure_)
            continue;
        lock.unlock();
        try {
            tick();
        } catch (...) {
            stop(std::current_exception());
        }
        lock.lock();
    }
    if (failure_)
        std::rethrow_exception(failure_);
}

void Crew::nudge() {
    const std::lock_guard lock(mutex_);
    nudged_ = true;
    changed_.notify_all();
}

void Crew::wait_for_end() noexcept {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return running_ == 0; });
}

} // namespace tz
