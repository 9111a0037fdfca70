// What ends a command before it is done: Ctrl-C, SIGTERM and --deadline.
#pragma once

#include <tz/tools/deadline.hpp>
#include <tz/tools/signals.hpp>

#include <optional>
#include <stop_token>
#include <string>

namespace tz::cli {

/// How long a command may take to end by itself after its deadline, and what holds it then where it
/// writes `destination`: a path, a URI, or nothing. Pure.
Deadline::Held what_may_hold(const std::string& destination);

/// Every command that has --deadline begins with one, before it makes any thread or opens any file:
/// its time counts from there, whatever it waits for.
class EarlyEnd {
public:
    /// `destination` is what the command writes: a path, a URI, or nothing.
    explicit EarlyEnd(
        std::optional<Deadline::Duration> longest, const std::string& destination = {});

    std::stop_token token() const { return stop_.token(); }

    /// From when the time for the whole command counts, for `LoadOptions::begun` of its parts.
    Deadline::Clock::time_point begun() const { return deadline_.begun(); }

    /// Of that time.
    std::optional<Deadline::Duration> left() const { return deadline_.left(); }

    /// The work is done. Who reads the results may take any time for it.
    void before_results() { deadline_.lift(); }

private:
    const StopOnSignal stop_; ///< before the deadline's thread, which inherits its mask
    Deadline deadline_;
};

} // namespace tz::cli
