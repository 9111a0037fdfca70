#include <tz/engine/crew.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>

#include <new>
#include <thread>
#include <utility>

namespace tz {

namespace {

std::exception_ptr aborted() noexcept {
    try {
        return std::make_exception_ptr(boost::system::system_error(asio::error::operation_aborted));
    } catch (...) { // its text takes memory
        return std::current_exception();
    }
}

} // namespace

Crew::Member::Member(Crew& whose) : crew(whose) {
    const std::lock_guard lock(crew.mutex_);
    ++crew.running_;
}

// Asio destroys the frames of a coroutine whose next step it can't start.
Crew::Member::~Member() {
    if (!ended)
        crew.ended(std::make_exception_ptr(std::bad_alloc()));
}

Crew::~Crew() {
    {
        const std::lock_guard lock(mutex_);
        if (running_ == 0)
            return;
    }
    stop(aborted());
    wait_for_end();
}

void Crew::start(Loop& loop, std::vector<awaitable<void>> members) {
    const std::lock_guard lock(mutex_);
    Watch* const watch = &watches_.emplace_back();
    watch->loop = &loop;
    watch->members = std::move(members);
    // a loop that starts late must not wait for one that failed
    watch->stopped = failure_ != nullptr;
    // Inside the loop: a cancellation between co_spawn and a coroutine's first step would escape
    // through io_context::run() (chriskohlhoff/asio#1452).
    asio::post(loop.context(), watch->run_memory.bind([this, watch] { run(*watch); }));
    ++running_;
}

void Crew::run(Watch& watch) noexcept {
    std::exception_ptr failure;
    if (watch.stopped)
        failure = aborted();
    else
        try {
            start_members(watch);
        } catch (...) {
            failure = std::current_exception();
        }
    watch.members.clear();
    ended(std::move(failure));
}

void Crew::start_members(Watch& watch) {
    for (awaitable<void>& body : watch.members) {
        auto member = std::make_shared<Member>(*this);
        auto done = [member](std::exception_ptr error) {
            member->ended = true;
            member->crew.ended(std::move(error));
        };
        auto& signal = watch.signals.emplace_back();
        asio::co_spawn(
            watch.loop->context(),
            run_member(std::move(member), std::move(body)),
            asio::bind_cancellation_slot(signal.stop.slot(), std::move(done)));
    }
}

// `member` comes first: it is destroyed last.
awaitable<void> Crew::run_member(std::shared_ptr<Member> /*member*/, awaitable<void> body) {
    co_await std::move(body);
}

/// Tells each member once. Where there is no memory for that, again a little later: a member that
/// does not hear of it may wait for ever.
void Crew::cancel(Watch& watch) noexcept {
    watch.stopped = true;
    bool all_heard = true;
    for (Signal& signal : watch.signals)
        try {
            if (!signal.heard)
                signal.stop.emit(asio::cancellation_type::terminal);
            signal.heard = true;
        } catch (const std::bad_alloc&) {
            all_heard = false;
        }
    if (all_heard)
        return ended({});
    std::this_thread::sleep_for(std::chrono::milliseconds(1)); // others may give some back
    auto again = [this, &watch] { cancel(watch); };
    asio::post(watch.loop->context(), watch.stop_memory.bind(std::move(again)));
}

void Crew::ended(std::exception_ptr error) noexcept {
    if (error)
        stop(std::move(error));
    const std::lock_guard lock(mutex_);
    --running_;
    changed_.notify_all();
}

void Crew::stop(std::exception_ptr reason) noexcept {
    const std::lock_guard lock(mutex_);
    if (failure_)
        return;
    failure_ = std::move(reason);
    for (auto& watch : watches_) {
        auto stop_all = [this, w = &watch] { cancel(*w); };
        asio::post(watch.loop->context(), watch.stop_memory.bind(std::move(stop_all)));
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
