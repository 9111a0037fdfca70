// The threads that compute: verify, decrypt, copy, touch memory, and read files where io_uring is
// refused. No coroutine ever runs here: run() is the only way in, and it completes on the caller's
// loop.
#pragma once

#include <tz/engine/async.hpp>
#include <tz/engine/handler_memory.hpp>
#include <tz/engine/signals.hpp>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <climits>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <utility>
#include <vector>

namespace tz {

/// Which job a free worker takes up.
enum class Urgency {
    next, ///< before all that are `last`: its bytes were just read, and soon leave the CPU's cache
    last, ///< when none of the others waits
};

/// Thread-safe. The destructor waits for the jobs that were started.
class Workers {
public:
    /// Throws `std::system_error` where the system grants no more threads.
    explicit Workers(unsigned threads) : Workers(threads, SignalBlock()) {}

    ~Workers() { end(); }

    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    unsigned threads() const { return static_cast<unsigned>(threads_.size()); }

    /// How many threads take up jobs from now on, at least one; the others sleep. Always the same
    /// ones, so that each keeps its core.
    void use(unsigned threads) {
        {
            const std::lock_guard lock(mutex_);
            used_ = std::max(1u, threads);
        }
        waiting_.notify_all();
        spare_.notify_all();
    }

    /// Runs `job` on a worker and completes on the loop of the waiting coroutine, with the
    /// exception that `job` threw, if any. Once started it can't be cancelled. What `job` refers to
    /// stays until then. Pass a named job that was moved: g++ 12 destroys an owning temporary
    /// twice.
    template <typename Job, typename Token = asio::use_awaitable_t<>>
    auto run(Job job, Urgency urgency = Urgency::next, Token&& token = {}) {
        return asio::async_initiate<Token, void(std::exception_ptr)>(
            [this, urgency](auto handler, Job work) {
                this->start(urgency, std::move(handler), std::move(work));
            },
            token,
            std::move(job));
    }

    /// Runs `job`, which must not throw, on a worker.
    template <typename Job>
    void post(Job job, Urgency urgency) {
        auto task = std::make_unique<TaskOf<Job>>(std::move(job));
        const std::lock_guard lock(mutex_);
        (urgency == Urgency::next ? next_ : last_).push_back(std::move(task));
        waiting_.notify_one();
    }

private:
    struct Task {
        virtual ~Task() = default;
        virtual void run() = 0;
    };

    template <typename Job>
    struct TaskOf final : Task {
        explicit TaskOf(Job given) : job(std::move(given)) {}

        void run() override { job(); }

        Job job;
    };

    /// A job that a handler waits for.
    template <typename Handler, typename Job>
    struct Run {
        Run(Handler waiting, Job given)
            : back(asio::get_associated_executor(waiting)),
              handler(std::move(waiting)),
              job(std::move(given)) {}

        static void go(std::unique_ptr<Run> run) {
            std::exception_ptr error;
            try {
                run->job();
            } catch (...) {
                error = std::current_exception();
            }
            WayBack& back = run->back;
            auto resume = [run = std::move(run), error = std::move(error)]() mutable {
                Handler handler = std::move(run->handler);
                run.reset();
                std::move(handler)(std::move(error));
            };
            back.post(std::move(resume));
        }

        WayBack back;
        Handler handler;
        Job job;
    };

    Workers(unsigned threads, const SignalBlock&) {
        try {
            for (unsigned i = 0; i < threads; ++i)
                threads_.emplace_back([this, i] { work(i); });
        } catch (...) {
            end();
            throw;
        }
    }

    void work(unsigned place) {
        while (const std::unique_ptr<Task> task = take(place))
            try {
                task->run();
            } catch (const std::bad_alloc&) {
                continue; // no memory to tell the loop: who waits there is given up
            }
    }

    /// Null when everything is done.
    std::unique_ptr<Task> take(unsigned place) {
        std::unique_lock lock(mutex_);
        const auto is_spare = [this, place] { return place >= used_ && !ended_; };
        do {
            spare_.wait(lock, [&] { return !is_spare(); });
            waiting_.wait(
                lock, [&] { return ended_ || is_spare() || !next_.empty() || !last_.empty(); });
        } while (is_spare());
        auto& tasks = next_.empty() ? last_ : next_;
        if (tasks.empty())
            return nullptr;
        std::unique_ptr<Task> task = std::move(tasks.front());
        tasks.pop_front();
        return task;
    }

    void end() {
        {
            const std::lock_guard lock(mutex_);
            ended_ = true;
        }
        waiting_.notify_all();
        spare_.notify_all();
        for (std::thread& thread : threads_)
            thread.join();
    }

    template <typename Handler, typename Job>
    void start(Urgency urgency, Handler handler, Job job) {
        auto run = std::make_unique<Run<Handler, Job>>(std::move(handler), std::move(job));
        post([run = std::move(run)]() mutable { Run<Handler, Job>::go(std::move(run)); }, urgency);
    }

    std::mutex mutex_; ///< of what follows
    std::condition_variable waiting_;
    std::condition_variable spare_; ///< for threads that are not used
    unsigned used_ = UINT_MAX;
    std::deque<std::unique_ptr<Task>> next_; ///< each in order of arrival: early tensors come first
    std::deque<std::unique_ptr<Task>> last_;
    bool ended_ = false;
    std::vector<std::thread> threads_; ///< last: they use the rest
};

/// Fewer workers for as long as this lives. One at a time.
class FewerWorkers {
public:
    FewerWorkers(Workers& workers, unsigned threads) : workers_(workers) { workers_.use(threads); }

    ~FewerWorkers() { workers_.use(UINT_MAX); }

    FewerWorkers(const FewerWorkers&) = delete;
    FewerWorkers& operator=(const FewerWorkers&) = delete;

private:
    Workers& workers_;
};

} // namespace tz
