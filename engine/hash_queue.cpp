#include <tz/engine/hash_queue.hpp>

#include <boost/asio/post.hpp>

#include <memory>
#include <utility>

namespace tz {

void HashQueue::start(
    HashTask& task,
    Workers& workers,
    asio::any_completion_handler<void(std::exception_ptr)> handler,
    asio::any_io_executor executor) {
    // swapped, not assigned: see gate.hpp on Boost 1.81
    task.handler_.swap(handler);
    task.executor_ = std::move(executor);
    {
        const std::lock_guard lock(waiting_->mutex);
        waiting_->tasks.push_back(&task);
    }
    // last: until then others may have come, which are taken along
    workers.post([waiting = waiting_] { drain(*waiting); }, Urgency::last);
}

std::vector<HashTask*> HashQueue::take(Waiting& waiting) {
    const std::lock_guard lock(waiting.mutex);
    std::vector<HashTask*> tasks;
    while (!waiting.tasks.empty() && tasks.size() < together_max) {
        tasks.push_back(waiting.tasks.front());
        waiting.tasks.pop_front();
    }
    return tasks;
}

/// On a worker, once for each task that was started: often another has taken it along by then.
void HashQueue::drain(Waiting& waiting) {
    const std::vector<HashTask*> tasks = take(waiting);
    if (tasks.empty())
        return;
    std::size_t bytes = 0;
    std::vector<format::Sha256Part> parts;
    for (const HashTask* task : tasks) {
        bytes += task->bytes;
        parts.insert(parts.end(), task->parts.begin(), task->parts.end());
    }
    JobTimes times;
    std::exception_ptr failure;
    try {
        const JobTimes::Scope scope(times, Stage::verify, bytes);
        format::sha256_update(parts);
    } catch (...) {
        failure = std::current_exception();
    }
    times.end();
    for (HashTask* task : tasks) {
        std::exception_ptr error = failure;
        const double share =
            bytes > 0 ? static_cast<double>(task->bytes) / static_cast<double>(bytes) : 1;
        try {
            if (!error)
                task->then(times, share);
        } catch (...) {
            error = std::current_exception();
        }
        // the task may be gone as soon as its lane goes on
        auto resume = [handler = std::move(task->handler_), error = std::move(error)]() mutable {
            std::move(handler)(std::move(error));
        };
        const asio::any_io_executor executor = std::move(task->executor_);
        asio::post(executor, std::move(resume));
    }
}

} // namespace tz
