#include <tz/protocols/request_log.hpp>
#include <tz/protocols/status.hpp>

#include <new>
#include <utility>

namespace tz {

namespace {

// So many may fail by chance; more of one chunk are a server in trouble.
constexpr unsigned usual_tries = 3;

std::string reason_of(const Outcome& outcome) {
    if (!outcome.problem.reason.empty())
        return outcome.problem.reason;
    if (outcome.status >= 200 && outcome.status < 300)
        return "status " + std::to_string(outcome.status);
    return status_problem(outcome.status, outcome.s3).reason;
}

std::string text_of(std::chrono::nanoseconds time) {
    return std::to_string(std::chrono::ceil<std::chrono::milliseconds>(time).count()) + " ms";
}

} // namespace

RequestLog::RequestLog(std::string name, Log log) : name_(std::move(name)), log_(std::move(log)) {}

void RequestLog::ended(
    std::string_view what, const Outcome& outcome, std::chrono::nanoseconds took) const noexcept {
    if (!log_)
        return;
    try {
        std::string text = reason_of(outcome) + ", ";
        if (outcome.bytes_gained > 0)
            text += std::to_string(outcome.bytes_gained) + " bytes, ";
        say(LogLevel::debug, what, text + text_of(took));
    } catch (const std::bad_alloc&) {
        return;
    }
}

void RequestLog::again(
    std::string_view what,
    const Outcome& outcome,
    const Retry& retry,
    const Decision& decision) const noexcept {
    if (!log_)
        return;
    const bool warns = retry.tries() > usual_tries && !warned_.exchange(true);
    try {
        say(warns ? LogLevel::warning : LogLevel::info,
            what,
            reason_of(outcome) + "; try " + std::to_string(retry.tries() + 1) + " of " +
                std::to_string(retry.tries_max()) + " in " + text_of(decision.delay));
    } catch (const std::bad_alloc&) {
        return;
    }
}

void RequestLog::say(LogLevel level, std::string_view what, const std::string& text) const {
    log_(level, name_ + ": " + std::string(what) + ": " + text);
}

} // namespace tz
