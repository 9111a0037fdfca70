// The clock, the caller's wishes to stop, and its callbacks: one load, all its phases.
#pragma once

#include <tz/engine/crew.hpp>
#include <tz/engine/engine.hpp>
#include <tz/engine/options.hpp>

#include <chrono>
#include <functional>
#include <memory>

namespace tz {

/// Used by the thread that called load(); refers to the options of the load.
class Supervision {
public:
    explicit Supervision(const LoadOptions& options) : options_(options) {}

    struct GiveBack {
        void operator()(Turn* turn) const { turn->give_back(); }
    };

    using HeldTurn = std::unique_ptr<Turn, GiveBack>;

    /// Waits until no other load uses the engine; it is this one's as long as the result lives.
    HeldTurn turn(Turn& one_load) const;

    /// Waits for the crew, which has been started, calling `deliver` (which may be empty) often.
    void wait(
        Crew& crew,
        const std::function<Progress()>& progress,
        const std::function<void()>& deliver = {});

private:
    using Clock = std::chrono::steady_clock;

    void check_deadline() const;
    void report(const Progress& progress);

    const LoadOptions& options_;
    Clock::time_point started_ = Clock::now();
    Clock::time_point reported_{};
};

} // namespace tz
