// What is said of requests: each one in detail, each that is made again, and once as a warning that
// one of them had to be made again and again, which is why a load is slow.
#pragma once

#include <tz/engine/options.hpp>
#include <tz/protocols/retry.hpp>

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>

namespace tz {

/// Of one object. Thread-safe. Where there is no memory for what is to be said, it isn't: that is
/// no failure of the request.
class RequestLog {
public:
    /// `name` is for people, without secrets; `log` may be empty.
    RequestLog(std::string name, Log log);

    /// One request for `what`, such as a range, has ended so.
    void ended(std::string_view what, const Outcome& outcome, std::chrono::nanoseconds took)
        const noexcept;

    /// It will be made again, as `decision` of `retry` says.
    void again(
        std::string_view what,
        const Outcome& outcome,
        const Retry& retry,
        const Decision& decision) const noexcept;

private:
    void say(LogLevel level, std::string_view what, const std::string& text) const;

    const std::string name_;
    const Log log_;
    mutable std::atomic<bool> warned_ = false;
};

} // namespace tz
