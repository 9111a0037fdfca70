// Threads that wait for asynchronous loads: one for each load in progress.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <mutex>
#include <thread>

namespace tz {

/// Destroying it waits for all loads. What has ended is joined when the next one starts.
class LoadThreads {
public:
    /// Runs `load`, which does not throw, on a thread of its own with all signals blocked. Throws
    /// std::system_error where there is no thread to be had. Any thread.
    void start(std::function<void()> load);

private:
    struct Entry {
        explicit Entry(std::function<void()> load);

        std::atomic<bool> ended = false;
        std::jthread thread; ///< joined by its destructor
    };

    std::mutex mutex_;
    std::list<Entry> entries_;
};

} // namespace tz
