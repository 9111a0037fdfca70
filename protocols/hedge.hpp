// Whether a request whose answer is late is sent a second time, and when. Knows no clock: times are
// passed in. What is known of a host is shared by all lanes that use it.
#pragma once

#include <tz/protocols/retry.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <vector>

namespace tz {

/// How long the last answers took to begin. One thread.
class FirstBytes {
public:
    void add(std::chrono::milliseconds time);

    /// 95 of 100 were no slower; 0 where there were none.
    std::chrono::milliseconds p95() const;

private:
    std::vector<std::chrono::milliseconds> last_;
    std::size_t next_ = 0; ///< is the oldest, once there are enough
};

/// Of one host. Thread-safe.
class Hedging {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// One request that waits for its answer, from when it was sent to the end of this object.
    class Request {
    public:
        Request(Hedging& host, Time sent);
        ~Request();
        Request(const Request&) = delete;
        Request& operator=(const Request&) = delete;

        /// An answer that has not begun by then is late.
        Time late() const { return late_; }

        /// Whether to send it once more now: true at most once. False may be true a little later,
        /// when other requests have been answered.
        bool hedge(RetryBudget& budget, Time now);
        /// The second one came to nothing.
        void hedge_failed();
        /// The range came, by whichever of both.
        void answered(Time now);

    private:
        friend class Hedging;

        Hedging& host_;
        const Time sent_;
        const Time late_;
        bool hedged_ = false;
        bool under_way_ = false;
        std::list<Request*>::iterator at_;
    };

private:
    bool may(const Request& request, Time now) const;
    Time late_after(Time sent);

    std::mutex mutex_;
    FirstBytes first_bytes_;
    std::list<Request*> waiting_; ///< in the order in which they were sent; as many as lanes
    std::uint64_t requests_ = 0;
    std::uint64_t hedges_ = 0;
    bool under_way_ = false; ///< one of the second requests
};

} // namespace tz
