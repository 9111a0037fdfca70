// Whether a request is made again after what happened to it, and when. Knows neither clock nor
// chance: both are passed in. A Retry is of one chunk and its lane's thread; a RetryBudget is
// shared by all lanes that use a host.
#pragma once

#include <tz/protocols/http_date.hpp>
#include <tz/protocols/network.hpp>
#include <tz/protocols/status.hpp>
#include <tz/protocols/transport_error.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tz {

/// One try, as it ended.
struct Outcome {
    /// What ended it before there was a whole answer; nothing: the answer's status counts.
    std::optional<TransportFault> fault{};
    bool part = false;              ///< a right answer that has a part of the range only
    std::uint64_t bytes_gained = 0; ///< of the range, by this try, and kept
    unsigned status = 0;
    std::optional<S3Code> s3{};
    std::optional<std::chrono::seconds> retry_after{};
    bool has_date = false; ///< the answer tells the server's time
    /// What to say when it is given up; empty: what the status says.
    Problem problem{};
};

enum class Next : std::uint8_t {
    repeat,              ///< after `delay`, which may be 0
    refresh_credentials, ///< then repeat
    correct_clock,       ///< by the answer's Date header, then repeat
    give_up,
};

struct Decision {
    Next next = Next::give_up;
    std::chrono::milliseconds delay{0};
    bool new_connection = true;
    Problem problem{}; ///< for give_up
};

/// Tokens that retries take and successes bring back, so that clients don't add to the troubles of
/// a host that is in some already. Thread-safe.
class RetryBudget {
public:
    explicit RetryBudget(unsigned tokens) : full_(tokens), left_(tokens) {}

    /// False, and nothing is taken, where so many aren't left.
    bool take(unsigned tokens);
    /// A request has succeeded.
    void give_back();

    unsigned left() const { return left_.load(std::memory_order_relaxed); }

private:
    const unsigned full_;
    std::atomic<unsigned> left_;
};

class Retry {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// `first_try` is when the chunk was first asked for. `options` and `budget` outlive it.
    Retry(const RetryOptions& options, RetryBudget& budget, Time first_try)
        : options_(options),
          budget_(budget),
          first_try_(first_try) {}

    /// `random` is drawn anew each time, from [0, 1).
    Decision decide(const Outcome& outcome, Time now, double random);

    /// Tries that were counted, those that failed.
    unsigned tries() const { return tries_; }

    unsigned tries_max() const { return options_.tries_max; }

private:
    Decision after_answer(const Outcome& outcome, double random);
    Decision after_fault(const Outcome& outcome, double random);
    Decision after_part(const Outcome& outcome, double random);
    bool gained(const Outcome& outcome);
    Decision repeat(const Outcome& outcome, std::chrono::milliseconds delay, bool counted);
    Decision give_up(const Outcome& outcome, std::string_view why = {}) const;
    std::chrono::milliseconds backoff(double random);

    const RetryOptions& options_;
    RetryBudget& budget_;
    const Time first_try_;
    Time now_{};
    std::chrono::milliseconds last_delay_{0};
    unsigned tries_ = 0;
    unsigned stale_ = 0; ///< kept connections that were closed just then
    unsigned gains_ = 0; ///< tries that weren't counted since they brought much
    unsigned credential_refreshes_ = 0;
    unsigned clock_corrections_ = 0;
    unsigned protocol_faults_ = 0;
    unsigned unknown_hosts_ = 0;
    unsigned waits_ = 0; ///< time-outs and stalls
};

/// Retry-After: seconds, or a date as seen from `now` (the answer's Date, or else our clock).
/// Nothing for negative numbers and other junk. At most a year.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view text, HttpTime now);

} // namespace tz
