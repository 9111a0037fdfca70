// One I/O thread: an io_context, a Ring where the kernel grants one, and the way to the staging of
// its lanes.
#pragma once

#include <tz/engine/async.hpp>
#include <tz/engine/buffer.hpp>
#include <tz/engine/options.hpp>
#include <tz/engine/ring.hpp>
#include <tz/engine/workers.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tz {

/// What loops share. Belongs to the Engine and outlives its loops.
class Pools {
public:
    /// Throws `tz::Error` (errc::limit) where the system grants no more threads.
    Pools(unsigned workers, unsigned readers, Log log = {});

    /// Threads that compute; as many as cores.
    Workers& compute() { return *compute_; }

    /// Threads that wait for files, where io_uring can't: made on first use, since most loads need
    /// none.
    Workers& blocking();

    /// What the caller wants to hear of. Any thread.
    void log(LogLevel level, const std::string& text) const {
        if (log_)
            log_(level, text);
    }

private:
    std::unique_ptr<Workers> compute_;
    Log log_;
    unsigned readers_;
    std::once_flag once_;
    std::unique_ptr<Workers> blocking_;
};

/// Ring, arena and coroutines of a loop are touched by its own thread only; `context()` may be
/// posted to by any. Belongs to the Engine.
class Loop {
public:
    struct Setup {
        bool uring = true;
        unsigned lanes = 1;     ///< that may read at once
        Arena* arena = nullptr; ///< that all loops share; outlives the loop
    };

    /// Starts the thread. Throws where the kernel refuses the ring.
    Loop(const Setup& setup, Pools& pools);
    /// Waits until everything that was started has ended.
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    asio::io_context& context() { return context_; }

    Ring* ring() { return ring_.get(); }

    Workers& workers() { return pools_.compute(); }

    Workers& blocking() { return pools_.blocking(); }

    void log(LogLevel level, const std::string& text) const { pools_.log(level, text); }

    /// From now on each lane has `width` neighbouring buffers of the arena as one. While no lane
    /// runs; any thread.
    void set_staging_width(unsigned width) { width_ = width; }

    /// The staging of one lane; not touched yet unless `pinned` was called.
    std::span<std::byte> staging(std::size_t lane) const;

    void note_staging(std::size_t lane);

    /// The same for direct reads: touched by a worker and registered with the ring, once.
    awaitable<Buffer> pinned_staging(std::size_t lane);

    /// CPU time of the thread so far. Any thread may ask.
    double cpu_seconds() const;

private:
    asio::io_context context_{1};
    Pools& pools_;
    Arena* arena_;
    std::size_t width_ = 1;
    std::vector<char> pinned_;    ///< by lane, of one buffer
    std::vector<int> registered_; ///< index for the ring, or -1
    bool refusal_logged_ = false;
    std::unique_ptr<Ring> ring_;
    asio::executor_work_guard<asio::io_context::executor_type> guard_;
    std::thread thread_; ///< last: it uses all of the above
};

} // namespace tz
