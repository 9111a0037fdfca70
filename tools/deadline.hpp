// The end of the time that a command has, also where the kernel holds it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace tz::cli {

/// Loads end at their deadline by themselves, when the reads that are under way have ended. A read
/// that never ends, of a dead network file system, they wait for: the kernel may still write to
/// their memory. So a thread of this ends the process, two seconds after the deadline, with its
/// error and exit code; what was half written then is left, as by a kill. Commands have it in an
/// EarlyEnd.
class Deadline {
public:
    using Duration = std::chrono::nanoseconds;

    /// From now on. `held` says what may not have ended by then, and what to do. Throws `tz::Error`
    /// (errc::limit) where no thread can be started.
    Deadline(std::optional<Duration> longest, std::string held);
    ~Deadline();
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;

    /// For what follows: the whole command has one deadline, not each of its loads.
    std::optional<Duration> left() const;

    /// From now on nothing is ended.
    void lift();

private:
    using Clock = std::chrono::steady_clock;

    void watch();

    const std::string held_;
    std::optional<Clock::time_point> end_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool over_ = false;
    std::thread thread_;
};

} // namespace tz::cli
