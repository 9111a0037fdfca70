// SHA-256 of chunks whose turn has come. One stream leaves a core's SHA unit waiting for itself;
// streams of different tensors, interleaved, don't. So a worker that takes up a chunk takes along
// what else is waiting.
#pragma once

#include <tz/engine/handler_memory.hpp>
#include <tz/engine/meter.hpp>
#include <tz/engine/workers.hpp>
#include <tz/format/hash.hpp>

#include <boost/asio/any_completion_handler.hpp>

#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

namespace tz {

/// What one chunk wants hashed. Belongs to its lane and stays until run() completes.
struct HashTask {
    std::vector<format::Sha256Part> parts; ///< no two of one stream, here or in another task
    std::size_t bytes = 0;                 ///< of all parts
    /// Called on the worker when the parts are hashed. `share`: of this task in `times`.
    std::function<void(const JobTimes& times, double share)> then;

private:
    friend class HashQueue;
    asio::any_completion_handler<void(std::exception_ptr)> handler_;
    std::optional<WayBack> back_;
};

/// Shared by the lanes of a load.
class HashQueue {
public:
    /// Chunks that one worker hashes together. More streams than the kernel interleaves gain
    /// nothing.
    static constexpr std::size_t together_max = 3;

    /// Hashes the task's parts on a worker, maybe together with others', and completes on the loop
    /// of the waiting coroutine, with the exception that `then` threw, if any. Can't be cancelled.
    template <typename Token = asio::use_awaitable_t<>>
    auto run(HashTask& task, Workers& workers, Token&& token = {}) {
        return asio::async_initiate<Token, void(std::exception_ptr)>(
            [this, &task, &workers](auto handler) {
                asio::any_io_executor executor = asio::get_associated_executor(handler);
                start(task, workers, std::move(handler), std::move(executor));
            },
            token);
    }

private:
    void start(
        HashTask& task,
        Workers& workers,
        asio::any_completion_handler<void(std::exception_ptr)> handler,
        asio::any_io_executor executor);

    /// Shared with the jobs on the workers: there is one for each task, and those whose task was
    /// taken along may run after the load.
    struct Waiting {
        std::mutex mutex;
        std::deque<HashTask*> tasks;
    };

    static std::span<HashTask*> take(Waiting& waiting, std::span<HashTask*> room);
    static void drain(Waiting& waiting);

    std::shared_ptr<Waiting> waiting_ = std::make_shared<Waiting>();
};

} // namespace tz
