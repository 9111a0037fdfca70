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
/// their memory. So a thread of this ends the process some time after the deadline, with its error
/// and exit code; what was half written then is left, as by a kill. Commands have it in an
/// EarlyEnd.
class Deadline {
public:
    using Clock = std::chrono::steady_clock;
    using Duration = std::chrono::nanoseconds;

    /// Who has not ended after `grace`, which is for what ends by itself, is held by something.
    struct Held {
        Duration grace{};
        std::string by{}; ///< what it may be, and what to do
    };

    /// From now on. Throws `tz::Error` (errc::limit) where no thread can be started.
    Deadline(std::optional<Duration> longest, Held held);
    ~Deadline();
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;

    Clock::time_point begun() const { return begun_; }

    /// For what follows: the whole command has one deadline, not each of its loads.
    std::optional<Duration> left() const;

    /// From now on nothing is ended.
    void lift();

private:
    void watch();

    const Held held_;
    const Clock::time_point begun_ = Clock::now();
    std::optional<Clock::time_point> end_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool over_ = false;
    std::thread thread_;
};

} // namespace tz::cli
