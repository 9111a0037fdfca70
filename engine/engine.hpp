// The threads of loads. The public class is in load.hpp; this is what load() sees of it.
#pragma once

#include <tz/engine/geometry.hpp>
#include <tz/engine/load.hpp>
#include <tz/engine/load_threads.hpp>
#include <tz/engine/loop.hpp>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace tz {

/// Whose turn it is. Not a std::timed_mutex: ThreadSanitizer of g++ 12 misses its clock-based
/// locking.
class Turn {
public:
    bool take_within(std::chrono::milliseconds time) {
        std::unique_lock lock(mutex_);
        if (!free_.wait_for(lock, time, [this] { return !taken_; }))
            return false;
        taken_ = true;
        return true;
    }

    void give_back() {
        const std::lock_guard lock(mutex_);
        taken_ = false;
        free_.notify_one();
    }

private:
    std::mutex mutex_;
    std::condition_variable free_;
    bool taken_ = false;
};

struct Engine::State {
    EngineOptions options; ///< defaults filled in
    Geometry geometry;
    std::string io;        ///< "uring" or "threads"
    std::string io_reason; ///< why not uring
    Turn one_load;         ///< loads share the arenas, so they take turns
    std::unique_ptr<Pools> pools;
    std::unique_ptr<Arena> arena;             ///< staging of the lanes of all loops
    std::vector<std::unique_ptr<Loop>> loops; ///< end before the pools and the arena they use
    /// What the caller set, zeros where it was left open.
    EngineOptions asked;
    LoadThreads load_threads; ///< ends first: its loads use the rest

    /// Starts more loops, for sockets, where fewer than `count` run and their number was left open.
    /// By the load whose turn it is.
    void want_loops(unsigned count);
    double loop_cpu_seconds() const;
};

} // namespace tz
