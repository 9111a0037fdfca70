#include <tz/protocols/adapt.hpp>

#include <algorithm>
#include <cassert>
#include <utility>

namespace tz {

namespace {

// A connection opens, and its window grows, in a second. Lanes that go end their chunk first.
constexpr unsigned settling_ticks = 2;
constexpr unsigned settling_ticks_fewer = 1;
constexpr unsigned measured_ticks = 4;
// Above what the noise of two means makes of nothing, below what a quarter more lanes bring where
// each lane brings the same.
constexpr double margin = 1.1;
// A trial that loses this much ends after its first tick.
constexpr double loss = 0.8;

// Five seconds, doubled with each trial in vain: a load of a minute spends few of them on trials.
constexpr unsigned rest_ticks_min = 10;
constexpr unsigned rest_ticks_max = 160;

// Single answers of "slow down" are one request's trouble; retries deal with them. A share of them
// is this client's doing.
constexpr double throttled_share_max = 0.2;
constexpr unsigned throttled_min = 3;

constexpr unsigned idle_ticks_max = 4;

// Trials leave as many, so that one whose request stalls, for ten seconds by default, is never all:
// where faults upset the measurements, fewer lanes seem better by chance, and more are not on a
// full link.
constexpr unsigned trial_min = 4;

// Others may get through where all of a few lanes stall, which lasts ten seconds by default. More
// lanes than a far server begins with are not: that is an outage.
constexpr double silence_max_seconds = 1;
constexpr unsigned silent_lanes_max = 16;

unsigned quarter(unsigned lanes) {
    return std::max(1u, lanes / 4);
}

} // namespace

/// What is tried after a trial in vain. A quarter fewer costs little where it is wrong; half shows
/// what happens below a cliff.
Adapt::Trial Adapt::following(Trial failed) {
    switch (failed) {
    case Trial::more:
        return Trial::fewer;
    case Trial::fewer:
        return Trial::halving;
    default:
        return Trial::more;
    }
}

unsigned Adapt::lanes_of(Trial trial) const {
    switch (trial) {
    case Trial::doubling:
        return clamp(wanted_ * 2);
    case Trial::more:
        return clamp(wanted_ + quarter(wanted_));
    case Trial::fewer:
        return fewer(wanted_ - quarter(wanted_));
    case Trial::halving:
        return fewer(wanted_ / 2);
    case Trial::none:
        break;
    }
    return wanted_;
}

Adapt::Adapt(const AdaptOptions& options)
    : options_(options),
      wanted_(options.start),
      next_rest_(rest_ticks_min),
      ceiling_(options.max) {
    assert(options.min >= 1 && options.min <= options.max);
    if (!options_.fixed)
        wanted_ = clamp(options.start);
    settle();
}

unsigned Adapt::clamp(unsigned lanes) const {
    return std::clamp(lanes, options_.min, std::max(options_.min, ceiling_));
}

unsigned Adapt::fewer(unsigned lanes) const {
    return clamp(std::max(lanes, std::min(wanted_, trial_min)));
}

unsigned Adapt::tick(const Tick& tick) {
    if (options_.fixed || tick.seconds <= 0)
        return wanted_;
    if (throttling(tick)) {
        slow_down();
        return wanted_;
    }
    if (rest_ > 0)
        --rest_;
    // Nothing at all is an outage, or the load waits for something else: no matter of lanes.
    if (tick.bytes == 0) {
        mean_ = {};
        outlast_silence(tick);
        return wanted_;
    }
    silent_ = 0;
    if (settling_ > 0) {
        --settling_;
        return wanted_;
    }
    if (trial_ != Trial::none && tick.errors * 2 > wanted_) {
        step_back();
        return wanted_;
    }
    if (!drop_idle(tick))
        measure(tick);
    return wanted_;
}

bool Adapt::throttling(const Tick& tick) {
    answers_ = answers_ / 2 + tick.answers;
    throttled_ = throttled_ / 2 + tick.throttled;
    return settling_ == 0 && throttled_ >= throttled_min &&
           throttled_ > throttled_share_max * answers_;
}

/// Where a trial made the server throttle, the trial is taken back; else half of the lanes go.
void Adapt::slow_down() {
    const bool grown = trial_ == Trial::doubling || trial_ == Trial::more;
    ceiling_ = std::max(options_.min, wanted_ - 1);
    move_to(clamp(grown ? before_ : wanted_ / 2));
    rest();
    answers_ = throttled_ = 0;
}

/// Doubles few lanes where nothing comes though some wait for it: the others may need what those
/// wait for, the header of a tensor. Where none does, the load has other reasons, as no room.
void Adapt::outlast_silence(const Tick& tick) {
    silent_ = tick.waiting > 0 ? silent_ + tick.seconds : 0;
    if (silent_ < silence_max_seconds || wanted_ >= silent_lanes_max)
        return;
    move_to(clamp(std::min(wanted_ * 2, silent_lanes_max)));
    silent_ = 0;
}

/// Lanes that got nothing for some ticks, as a server that serves two connections only has them,
/// are let go, all but one, which will see when that changes. No trial is needed to know.
bool Adapt::drop_idle(const Tick& tick) {
    if (tick.active >= wanted_) {
        idle_ticks_ = active_most_ = 0;
        return false;
    }
    active_most_ = std::max(active_most_, tick.active);
    if (++idle_ticks_ < idle_ticks_max)
        return false;
    const unsigned needed = clamp(active_most_ + 1);
    idle_ticks_ = active_most_ = 0;
    if (needed >= wanted_)
        return false;
    move_to(needed);
    rest();
    return true;
}

void Adapt::measure(const Tick& tick) {
    mean_.seconds += tick.seconds;
    mean_.bytes += static_cast<double>(tick.bytes);
    ++mean_.ticks;
    if (trial_ != Trial::none && mean_.rate() < loss * rate_before_) {
        step_back();
        return;
    }
    if (mean_.ticks < measured_ticks)
        return;
    if (trial_ != Trial::none)
        judge_trial();
    else if (rest_ == 0)
        next_trial();
    else if (mean_.ticks >= 2 * measured_ticks) // what was long ago counts for less
        mean_ = {mean_.seconds / 2, mean_.bytes / 2, mean_.ticks / 2};
}

void Adapt::judge_trial() {
    if (mean_.rate() < margin * rate_before_) {
        step_back();
        return;
    }
    next_ = std::exchange(trial_, Trial::none);
    next_rest_ = rest_ticks_min;
    next_trial(); // its measurement is that of the new number
}

void Adapt::step_back() {
    wanted_ = clamp(before_);
    const Trial failed = std::exchange(trial_, Trial::none);
    next_ = following(failed);
    if (failed != Trial::doubling)
        rest();
    settle();
}

void Adapt::next_trial() {
    // each kind at most once: those that can't be are passed over
    for (int i = 0; i < 4; ++i) {
        const unsigned lanes = lanes_of(next_);
        if (lanes != wanted_) {
            begin(next_, lanes);
            return;
        }
        if (next_ == Trial::more) // what a server could not bear a while ago, it may by now
            ceiling_ = options_.max;
        next_ = following(next_);
    }
    mean_ = {};
}

void Adapt::begin(Trial trial, unsigned lanes) {
    trial_ = trial;
    before_ = wanted_;
    rate_before_ = mean_.rate();
    wanted_ = lanes;
    settle();
    if (wanted_ < before_)
        settling_ = settling_ticks_fewer;
}

/// Without a trial, which ends where one is under way.
void Adapt::move_to(unsigned lanes) {
    wanted_ = lanes;
    trial_ = Trial::none;
    next_ = Trial::more;
    settle();
}

void Adapt::rest() {
    rest_ = next_rest_;
    next_rest_ = std::min(next_rest_ * 2, rest_ticks_max);
}

void Adapt::settle() {
    settling_ = settling_ticks;
    mean_ = {};
    idle_ticks_ = active_most_ = 0;
}

} // namespace tz
