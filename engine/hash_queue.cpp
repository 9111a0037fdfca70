#include <tz/engine/hash_queue.hpp>

#include <array>
#include <memory>
#include <new>
#include <utility>

namespace tz {

void HashQueue::start(
    HashTask& task,
    Workers& workers,
    asio::any_completion_handler<void(std::exception_ptr)> handler,
    asio::any_io_executor executor) {
    // swapped, not assigned: see gate.hpp on Boost 1.81
    task.handler_.swap(handler);
    task.back_.emplace(std::move(executor));
    bool queued = false;
    try {
        {
            const std::lock_guard lock(waiting_->mutex);
            waiting_->tasks.push_back(&task);
            queued = true;
        }
        // last: until then others may have come, which are taken along
        workers.post([waiting = waiting_] { drain(*waiting); }, Urgency::last);
    } catch (const std::bad_alloc&) {
        const std::lock_guard lock(waiting_->mutex);
        if (queued && std::erase(waiting_->tasks, &task) == 0)
            return; // taken along in the meantime
        task.back_.reset();
        task.handler_.swap(handler); // whose frame holds the task: it would keep itself
        throw;
    }
}

std::span<HashTask*> HashQueue::take(Waiting& waiting, std::span<HashTask*> room) {
    const std::lock_guard lock(waiting.mutex);
    std::size_t count = 0;
    while (!waiting.tasks.empty() && count < room.size()) {
        room[count++] = waiting.tasks.front();
        waiting.tasks.pop_front();
    }
    return room.first(count);
}

/// On a worker, once for each task that was started: often another has taken it along by then.
void HashQueue::drain(Waiting& waiting) {
    std::array<HashTask*, together_max> room{};
    const std::span<HashTask*> tasks = take(waiting, room);
    if (tasks.empty())
        return;
    std::size_t bytes = 0;
    for (const HashTask* task : tasks)
        bytes += task->bytes;
    JobTimes times;
    std::exception_ptr failure;
    try {
        std::vector<format::Sha256Part> parts;
        for (const HashTask* task : tasks)
            parts.insert(parts.end(), task->parts.begin(), task->parts.end());
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
        try {
            task->back_->post(std::move(resume));
        } catch (const std::bad_alloc&) {
            continue; // its lane is given up, the others are not
        }
    }
}

} // namespace tz
