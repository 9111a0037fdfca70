// Ctrl-C and SIGTERM as a request to stop.
#pragma once

#include <csignal>
#include <stop_token>
#include <thread>

namespace tz::cli {

/// While it lives, the first SIGINT or SIGTERM requests a stop; a second one ends the process at
/// once. Made before any other thread, which then inherits that these signals are blocked: a thread
/// of our own reads them, so that no code ever runs inside a signal handler. Signals that were
/// ignored (nohup) stay ignored. One at a time in a process.
class StopOnSignal {
public:
    /// Throws `std::system_error`.
    StopOnSignal();
    ~StopOnSignal();
    StopOnSignal(const StopOnSignal&) = delete;
    StopOnSignal& operator=(const StopOnSignal&) = delete;

    std::stop_token token() const { return stop_.get_token(); }

private:
    void watch();

    sigset_t signals_;
    sigset_t before_; ///< the mask that the destructor puts back
    std::stop_source stop_;
    int arrived_ = -1; ///< signalfd
    int ended_ = -1;   ///< eventfd: the destructor's word to the thread
    std::thread thread_;
};

} // namespace tz::cli
