// The coroutines of one load on all loops: started together, stopped together, waited for together.
#pragma once

#include <tz/engine/async.hpp>
#include <tz/engine/handler_memory.hpp>
#include <tz/engine/loop.hpp>

#include <boost/asio/cancellation_signal.hpp>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

namespace tz {

/// The first failure stops everyone and is what wait() throws; the aborts that follow it are
/// dropped. A coroutine that Asio gives up, for want of memory, fails with std::bad_alloc. Made,
/// started and waited for by one thread, which must wait before it destroys the Crew; stop() may be
/// called by any.
class Crew {
public:
    Crew() = default;
    ~Crew();
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;

    /// Runs `members` on `loop`. What they refer to outlives the Crew.
    void start(Loop& loop, std::vector<awaitable<void>> members);

    /// Asks everyone to end; wait() will throw `reason` unless something failed before. Reads in
    /// flight end when the kernel says so. Who can't be asked, for want of memory, goes on to the
    /// end.
    void stop(std::exception_ptr reason) noexcept;

    /// Makes wait() call its `tick` soon. Any thread.
    void nudge();

    /// Blocks until everyone has ended, calling `tick` (which may be empty) every `period`, and
    /// when nudged, on this thread. What `tick` throws stops the crew too. Throws the first
    /// failure.
    void wait(std::chrono::milliseconds period, const std::function<void()>& tick);

    /// Of a member.
    struct Signal {
        asio::cancellation_signal stop{};
        bool heard = false;
    };

private:
    /// The part on one loop. Its members are touched on the loop's thread only.
    struct Watch {
        Loop* loop;
        std::vector<awaitable<void>> members;
        std::deque<Signal> signals{}; ///< of those that were started
        bool stopped = false;
        HandlerMemory run_memory{};
        HandlerMemory stop_memory{};
    };

    /// Goes with a coroutine's frame, which may be destroyed without having ended.
    struct Member {
        explicit Member(Crew& whose);
        ~Member();
        Member(const Member&) = delete;
        Member& operator=(const Member&) = delete;

        Crew& crew;
        bool ended = false;
    };

    static awaitable<void> run_member(std::shared_ptr<Member> member, awaitable<void> body);
    void run(Watch& watch) noexcept;
    void start_members(Watch& watch);
    void cancel(Watch& watch) noexcept;
    void ended(std::exception_ptr error) noexcept;
    void wait_for_end() noexcept;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::list<Watch> watches_;
    std::size_t running_ = 0;
    bool nudged_ = false;
    std::exception_ptr failure_;
};

} // namespace tz
