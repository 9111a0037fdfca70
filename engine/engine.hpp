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
    std::vector<std::unique_ptr<Loop>> loops; ///< end before the pools they use
    LoadThreads load_threads;                 ///< ends first: its loads use the rest

    /// Lanes of loop `index`: the lanes are spread evenly.
    unsigned lanes_of(std::size_t index) const;
    double loop_cpu_seconds() const;
    std::size_t staging_bytes() const;
};

} // namespace tz
