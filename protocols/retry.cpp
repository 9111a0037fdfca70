#include <tz/protocols/retry.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

namespace tz {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr unsigned wait_cost = 10; // a time-out has held the server's resources for long
constexpr unsigned usual_cost = 5;
// A connection that was refused is no work for a host, and a restart of it must not use up the
// budget: 64 lanes that knock at its door every few 100 ms would.
constexpr unsigned connect_cost = 1;

// A lane has one kept connection, and each repetition begins with a new one: more than one in a
// row means a server that takes requests only to drop them.
constexpr unsigned stale_max = 3;

// A try that brought this much has shown that the server is there, and the chunk is nearer to its
// end: it doesn't count as failed. But only so many times, as a server that closes each connection
// early would otherwise cost any number of requests. 16 more than `tries_max` finish a chunk of
// 16 MiB at 1 MiB a connection.
constexpr std::uint64_t gain_bytes_min = 64 << 10;
constexpr unsigned gains_max = 16;

// Name servers that are just starting say so too; most often the name is wrong, and waiting idle.
constexpr unsigned unknown_hosts_max = 2;

constexpr seconds retry_after_cap = std::chrono::hours(24 * 365);

bool before_request(const TransportFault& fault) {
    return fault.stage < TransportStage::send;
}

bool is_wait(const TransportFault& fault) {
    return fault.cause == TransportCause::timed_out || fault.cause == TransportCause::stalled;
}

unsigned cost(const Outcome& outcome) {
    if (outcome.fault)
        return is_wait(*outcome.fault)          ? wait_cost
               : before_request(*outcome.fault) ? connect_cost
                                                : usual_cost;
    return outcome.status == 408 || outcome.s3 == S3Code::request_timeout ? wait_cost : usual_cost;
}

std::string count_of(unsigned count, const char* one, const char* many) {
    return std::to_string(count) + ' ' + (count == 1 ? one : many);
}

std::string seconds_text(milliseconds time) {
    return count_of(
        static_cast<unsigned>(std::chrono::ceil<seconds>(time).count()), "second", "seconds");
}

} // namespace

bool RetryBudget::take(unsigned tokens) {
    unsigned left = left_.load(std::memory_order_relaxed);
    do {
        if (left < tokens)
            return false;
    } while (!left_.compare_exchange_weak(left, left - tokens, std::memory_order_relaxed));
    return true;
}

void RetryBudget::give_back() {
    unsigned left = left_.load(std::memory_order_relaxed);
    while (left < full_ &&
           !left_.compare_exchange_weak(left, left + 1, std::memory_order_relaxed)) {
    }
}

Decision Retry::decide(const Outcome& outcome, Time now, double random) {
    now_ = now;
    if (outcome.part)
        return after_part(outcome, random);
    return outcome.fault ? after_fault(outcome, random) : after_answer(outcome, random);
}

Decision Retry::after_answer(const Outcome& outcome, double random) {
    Decision decision;
    decision.new_connection = false;
    if (outcome.s3 == S3Code::expired_token) {
        decision.next = Next::refresh_credentials;
        return credential_refreshes_++ == 0 ? decision
                                            : give_up(outcome, "new credentials did not help");
    }
    if (outcome.s3 == S3Code::clock_skewed) {
        if (!outcome.has_date)
            return give_up(outcome);
        decision.next = Next::correct_clock;
        return clock_corrections_++ == 0
                   ? decision
                   : give_up(outcome, "the time of its own answer did not help");
    }
    if (!is_passing(outcome.status, outcome.s3))
        return give_up(outcome);
    const milliseconds wait = backoff(random);
    if (!outcome.retry_after || outcome.retry_after->count() <= 0)
        return repeat(outcome, wait, true);
    if (*outcome.retry_after > options_.retry_after_max)
        return give_up(
            outcome,
            "it asks for " + seconds_text(*outcome.retry_after) + " of waiting, more than the " +
                seconds_text(options_.retry_after_max) + " that are allowed");
    // Not all lanes at the same moment.
    const auto spread = milliseconds(
        static_cast<std::int64_t>(random * static_cast<double>(options_.delay_min.count())));
    return repeat(outcome, *outcome.retry_after + spread, true);
}

Decision Retry::after_fault(const Outcome& outcome, double random) {
    constexpr milliseconds at_once{0};
    const TransportFault& fault = *outcome.fault;
    switch (fault.cause) {
    case TransportCause::certificate:
    case TransportCause::forbidden:
    case TransportCause::proxy_denied:
        return give_up(outcome);
    case TransportCause::tls:
    case TransportCause::proxy_refused:
    case TransportCause::protocol:
        // once more, by another connection: a proxy may have mixed answers up
        return protocol_faults_++ == 0 ? repeat(outcome, at_once, true) : give_up(outcome);
    case TransportCause::unknown_host:
        return ++unknown_hosts_ < unknown_hosts_max ? repeat(outcome, backoff(random), true)
                                                    : give_up(outcome);
    default:
        break;
    }
    if (fault.stale() && stale_ < stale_max) {
        // The server closed a kept connection as the request was on its way: nobody's failure.
        ++stale_;
        return Decision{.next = Next::repeat};
    }
    if (gained(outcome))
        return repeat(outcome, at_once, false);
    // The first time, the waiting has been done already.
    const bool waited = is_wait(fault) && !before_request(fault) && waits_++ == 0;
    return repeat(outcome, waited ? at_once : backoff(random), true);
}

Decision Retry::after_part(const Outcome& outcome, double random) {
    if (gained(outcome))
        return repeat(outcome, milliseconds(0), false);
    return repeat(outcome, backoff(random), true);
}

/// Counts tries that brought much, and tells whether this is one that need not count as failed.
bool Retry::gained(const Outcome& outcome) {
    if (outcome.bytes_gained < gain_bytes_min || gains_ >= gains_max)
        return false;
    ++gains_;
    last_delay_ = milliseconds(0);
    return true;
}

/// Repeats if tries, time and budget allow it.
Decision Retry::repeat(const Outcome& outcome, milliseconds delay, bool counted) {
    tries_ += counted;
    if (tries_ >= options_.tries_max)
        return give_up(outcome);
    if (now_ - first_try_ + delay > options_.total_max)
        return give_up(outcome, "no time is left for another try");
    // A part of the range is an answer: it costs the host nothing that was in vain.
    if (!outcome.part && !budget_.take(cost(outcome)))
        return give_up(
            outcome, "too many requests to this host have failed lately for another try");
    return Decision{
        .next = Next::repeat, .delay = delay, .new_connection = outcome.fault.has_value()};
}

Decision Retry::give_up(const Outcome& outcome, std::string_view why) const {
    Decision decision;
    decision.problem = outcome.problem;
    if (decision.problem.reason.empty())
        decision.problem = status_problem(outcome.status, outcome.s3);
    if (tries_ > 1) {
        const auto passed = std::chrono::duration_cast<milliseconds>(now_ - first_try_);
        decision.problem.reason +=
            ", after " + count_of(tries_, "try", "tries") + " in " + seconds_text(passed);
    }
    if (!why.empty())
        decision.problem.reason += "; " + std::string(why);
    return decision;
}

/// Decorrelated jitter: between the least delay and three times the last one, so that lanes that
/// failed together don't come back together.
milliseconds Retry::backoff(double random) {
    const auto least = options_.delay_min;
    const auto most = std::min(options_.delay_max, std::max(least, last_delay_) * 3);
    const auto range = static_cast<double>(std::max(milliseconds(0), most - least).count());
    last_delay_ = least + milliseconds(static_cast<std::int64_t>(std::floor(random * range)));
    return last_delay_;
}

std::optional<seconds> parse_retry_after(std::string_view text, HttpTime now) {
    const bool digits =
        !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
    if (digits) {
        seconds value{0};
        for (const char c : text)
            value = std::min(value * 10 + seconds(c - '0'), retry_after_cap);
        return value;
    }
    const auto date = parse_http_date(text, now);
    if (!date)
        return {};
    return std::clamp<seconds>(*date - now, seconds(0), retry_after_cap);
}

} // namespace tz
