// The threads that compute: verify, decrypt, copy, touch memory, and read files where io_uring is
// refused. No coroutine ever runs here: run() is the only way in, and it completes on the caller's
// loop.
#pragma once

#include <tz/engine/async.hpp>
#include <tz/engine/signals.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <exception>
#include <thread>
#include <utility>
#include <vector>

namespace tz {

/// Thread-safe. The destructor waits for the jobs that were started.
class Workers {
public:
    /// Throws `std::system_error` where the system grants no more threads.
    explicit Workers(unsigned threads) : Workers(threads, SignalBlock()) {}

    ~Workers() { end(); }

    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    unsigned threads() const { return static_cast<unsigned>(threads_.size()); }

    /// Runs `job` on a worker and completes on the loop of the waiting coroutine, with the
    /// exception that `job` threw, if any. Once started it can't be cancelled. What `job` refers to
    /// stays until then. Pass a named job that was moved: g++ 12 destroys an owning temporary
    /// twice.
    template <typename Job, typename Token = asio::use_awaitable_t<>>
    auto run(Job job, Token&& token = {}) {
        return asio::async_initiate<Token, void(std::exception_ptr)>(
            [this](auto handler, Job work) { this->start(std::move(handler), std::move(work)); },
            token,
            std::move(job));
    }

    /// Runs `job`, which must not throw, on a worker.
    template <typename Job>
    void post(Job job) {
        asio::post(pool_, std::move(job));
    }

private:
    // Not asio::thread_pool: where the system grants some threads and then no more, it waits for
    // ever for those that it has.
    Workers(unsigned threads, const SignalBlock&)
        : pool_(static_cast<int>(threads)),
          work_(pool_.get_executor()) {
        try {
            for (unsigned i = 0; i < threads; ++i)
                threads_.emplace_back([this] { pool_.run(); });
        } catch (...) {
            end();
            throw;
        }
    }

    void end() {
        work_.reset();
        for (std::thread& thread : threads_)
            thread.join();
    }

    template <typename Handler, typename Job>
    void start(Handler handler, Job job) {
        // tracked: the waiting loop keeps running
        asio::any_io_executor back = asio::prefer(
            asio::any_io_executor(asio::get_associated_executor(handler)),
            asio::execution::outstanding_work.tracked);
        auto on_worker =
            [handler = std::move(handler), job = std::move(job), back = std::move(back)]() mutable {
                std::exception_ptr error;
                try {
                    job();
                } catch (...) {
                    error = std::current_exception();
                }
                auto resume = [handler = std::move(handler), error = std::move(error)]() mutable {
                    std::move(handler)(std::move(error));
                };
                asio::post(back, std::move(resume));
            };
        asio::post(pool_, std::move(on_worker));
    }

    asio::io_context pool_;
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    std::vector<std::thread> threads_;
};

} // namespace tz
