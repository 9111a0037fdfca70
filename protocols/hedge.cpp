#include <tz/protocols/hedge.hpp>

#include <algorithm>

namespace tz {

namespace {

using std::chrono::milliseconds;

// A few rounds of the usual lanes: one slow answer moves the percentile little, and a server that
// has become slower is known after a minute at most.
constexpr std::size_t answers_kept = 128;

// Below a second there is little to win, and a machine that is busy looks like a late answer.
constexpr milliseconds late_min{1'000};
// The tail is longer than this only where something is wrong with one answer, not with the host.
constexpr int late_factor = 3;

// One in 20, and one more: the first request may be the late one.
constexpr std::uint64_t requests_a_hedge = 20;
// What a retry takes that has cost the host little.
constexpr unsigned hedge_cost = 5;

} // namespace

void FirstBytes::add(milliseconds time) {
    if (last_.size() < answers_kept) {
        last_.push_back(time);
        return;
    }
    last_[next_] = time;
    next_ = (next_ + 1) % answers_kept;
}

milliseconds FirstBytes::p95() const {
    if (last_.empty())
        return milliseconds(0);
    std::vector<milliseconds> sorted = last_;
    const std::size_t rank = (sorted.size() * 95 + 99) / 100; // the nearest, from 1
    const auto at = sorted.begin() + static_cast<std::ptrdiff_t>(rank - 1);
    std::ranges::nth_element(sorted, at);
    return *at;
}

Hedging::Request::Request(Hedging& host, Time sent)
    : host_(host),
      sent_(sent),
      late_(host.late_after(sent)) {
    const std::lock_guard lock(host_.mutex_);
    ++host_.requests_;
    at_ = host_.waiting_.insert(host_.waiting_.end(), this);
}

Hedging::Request::~Request() {
    const std::lock_guard lock(host_.mutex_);
    host_.waiting_.erase(at_);
    if (under_way_)
        host_.under_way_ = false;
}

bool Hedging::Request::hedge(RetryBudget& budget, Time now) {
    const std::lock_guard lock(host_.mutex_);
    if (!host_.may(*this, now) || !budget.take(hedge_cost))
        return false;
    ++host_.hedges_;
    host_.under_way_ = under_way_ = hedged_ = true;
    return true;
}

void Hedging::Request::hedge_failed() {
    const std::lock_guard lock(host_.mutex_);
    if (under_way_)
        host_.under_way_ = under_way_ = false;
}

/// Where the second one was answered, the first would have taken longer than this, nobody knows how
/// much: enough for a host that has become slow as a whole to be taken for that.
void Hedging::Request::answered(Time now) {
    const std::lock_guard lock(host_.mutex_);
    host_.first_bytes_.add(std::chrono::duration_cast<milliseconds>(now - sent_));
}

/// The slowest comes first, and one at a time: where many are late, it is the host that is slow,
/// and more requests would make it slower.
bool Hedging::may(const Request& request, Time now) const {
    if (under_way_ || hedges_ > requests_ / requests_a_hedge)
        return false;
    for (const Request* one : waiting_)
        if (!one->hedged_ && one->late_ <= now)
            return one == &request;
    return false;
}

Hedging::Time Hedging::late_after(Time sent) {
    const std::lock_guard lock(mutex_);
    return sent + std::max(late_min, late_factor * first_bytes_.p95());
}

} // namespace tz
