// The threads that compute: verify, decrypt, copy, touch memory, and read files where io_uring is
// refused. No coroutine ever runs here: run() is the only way in, and it completes on the caller's
// loop.
#pragma once

#include <tz/engine/async.hpp>
#include <tz/engine/handler_memory.hpp>
#include <tz/engine/signals.hpp>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>

#include <algorithm>
#include <climits>
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
    read, ///< likewise; what copies cached pages, of which only so many may run at once
};

/// Of the jobs that run at once.
struct WorkerLimits {
    unsigned jobs = UINT_MAX;  ///< at least 1
    unsigned reads = UINT_MAX; ///< of these; at least 1
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

    /// From now on. Threads that are left over sleep.
    void limit(const WorkerLimits& limits) {
        {
            const std::lock_guard lock(mutex_);
            limits_ = limits;
        }
        waiting_.notify_all();
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
        task->reads = urgency == Urgency::read;
        (urgency == Urgency::next ? next_ : last_).push_back(std::move(task));
        waiting_.notify_one();
    }

private:
    struct Task {
        virtual ~Task() = default;
        virtual void run() = 0;

        bool reads = false;
    };

    using Tasks = std::deque<std::unique_ptr<Task>>;

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
                threads_.emplace_back([this] { work(); });
        } catch (...) {
            end();
            throw;
        }
    }

    void work() {
        while (const std::unique_ptr<Task> task = take()) {
            run(*task);
            note_end(*task);
        }
    }

    static void run(Task& task) {
        try {
            task.run();
        } catch (const std::bad_alloc&) {
            return; // no memory to tell the loop: who waits there is given up
        }
    }

    /// Null when everything is done.
    std::unique_ptr<Task> take() {
        std::unique_lock lock(mutex_);
        for (;;) {
            Tasks& tasks = next_.empty() ? last_ : next_;
            const auto found = std::find_if(
                tasks.begin(), tasks.end(), [this](const auto& task) { return may_run(*task); });
            if (found != tasks.end()) {
                std::unique_ptr<Task> task = std::move(*found);
                tasks.erase(found);
                ++running_;
                reading_ += task->reads ? 1 : 0;
                return task;
            }
            if (ended_ && tasks.empty())
                return nullptr;
            waiting_.wait(lock);
        }
    }

    bool may_run(const Task& task) const {
        return running_ < limits_.jobs && (!task.reads || reading_ < limits_.reads);
    }

    /// What waited for the limits may begin, and the thread that ends here may take up another.
    void note_end(const Task& task) {
        const std::lock_guard lock(mutex_);
        --running_;
        reading_ -= task.reads ? 1 : 0;
        if (task.reads && !last_.empty())
            waiting_.notify_one();
    }

    void end() {
        {
            const std::lock_guard lock(mutex_);
            ended_ = true;
            limits_ = {};
        }
        waiting_.notify_all();
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
    Tasks next_; ///< each in order of arrival: early tensors come first
    Tasks last_;
    WorkerLimits limits_;
    unsigned running_ = 0;
    unsigned reading_ = 0; ///< of these
    bool ended_ = false;
    std::vector<std::thread> threads_; ///< last: they use the rest
};

/// Workers with limits for as long as this lives. Only one at a time.
class LimitedWorkers {
public:
    LimitedWorkers(Workers& workers, const WorkerLimits& limits) : workers_(workers) {
        workers_.limit(limits);
    }

    ~LimitedWorkers() { workers_.limit({}); }

    LimitedWorkers(const LimitedWorkers&) = delete;
    LimitedWorkers& operator=(const LimitedWorkers&) = delete;

private:
    Workers& workers_;
};

} // namespace tz
