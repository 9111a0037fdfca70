// How many connections a source is worth. Fed with what moved in each tick of about half a second,
// answers how many are wanted. Pure: knows no clock. One thread.
#pragma once

#include <cstdint>

namespace tz {

struct AdaptOptions {
    unsigned start = 16;
    unsigned min = 1;
    unsigned max = 64;  ///< of buffers, or of the user
    bool fixed = false; ///< the user has said how many: stays at `start`
};

/// What happened since the last tick.
struct Tick {
    double seconds = 0;
    std::uint64_t bytes = 0;
    unsigned active = 0;    ///< lanes to which a byte came
    unsigned waiting = 0;   ///< lanes that wait for some
    unsigned answers = 0;   ///< of any status
    unsigned throttled = 0; ///< of these, 429, 503 and SlowDown
    unsigned errors = 0;    ///< connections that failed
};

/// A step to more or fewer lanes is a trial: it stays only where throughput rises by a clear
/// margin. Doubles as long as that pays, then goes by a quarter; after a trial that did not pay it
/// rests, twice as long each time. Halves where the server throttles. Few lanes that get
/// nothing are joined by others.
class Adapt {
public:
    explicit Adapt(const AdaptOptions& options);

    /// Wanted lanes from now on.
    unsigned tick(const Tick& tick);

    unsigned wanted() const { return wanted_; }

private:
    enum class Trial : std::uint8_t { none, doubling, more, fewer, halving };

    /// The mean of some ticks at one number of lanes.
    struct Mean {
        double seconds = 0;
        double bytes = 0;
        unsigned ticks = 0;

        double rate() const { return seconds > 0 ? bytes / seconds : 0; }
    };

    static Trial following(Trial failed);
    unsigned lanes_of(Trial trial) const;
    bool throttling(const Tick& tick);
    void slow_down();
    void outlast_silence(const Tick& tick);
    bool drop_idle(const Tick& tick);
    void measure(const Tick& tick);
    void judge_trial();
    void next_trial();
    void begin(Trial trial, unsigned lanes);
    void step_back();
    void move_to(unsigned lanes);
    void rest();
    void settle();
    unsigned clamp(unsigned lanes) const;
    unsigned fewer(unsigned lanes) const;

    AdaptOptions options_;
    unsigned wanted_;
    Trial trial_ = Trial::none;
    Trial next_ = Trial::doubling;
    unsigned before_ = 0;    ///< lanes before the trial
    double rate_before_ = 0; ///< and their throughput
    Mean mean_;
    unsigned settling_ = 0; ///< ticks to pass over: a step takes time to show
    unsigned rest_ = 0;     ///< ticks without trials
    unsigned next_rest_;
    unsigned ceiling_;     ///< at more lanes the server throttled
    unsigned answers_ = 0; ///< of the last ticks, halved each tick
    unsigned throttled_ = 0;
    unsigned active_most_ = 0; ///< of some ticks in which not all lanes were active
    unsigned idle_ticks_ = 0;
    double silent_ = 0; ///< seconds in which nothing came to those who wait
};

} // namespace tz
