// The clock, the caller's wishes to stop, and its callbacks: one load, all its phases.
#pragma once

#include <tz/engine/crew.hpp>
#include <tz/engine/engine.hpp>
#include <tz/engine/options.hpp>
#include <tz/format/error.hpp>

#include <chrono>
#include <functional>
#include <memory>

namespace tz {

/// Used by the thread that called load(); refers to the options of the load.
class Supervision {
public:
    using Clock = std::chrono::steady_clock;

    /// `what` it is, for errors: "load".
    explicit Supervision(const LoadOptions& options, const char* what = "load")
        : options_(options),
          what_(what),
          started_(options.begun.value_or(Clock::now())) {}

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

    /// Its deadline has passed. On any thread.
    bool late() const { return options_.deadline && Clock::now() - started_ > *options_.deadline; }

    /// By when a server has to have been told of a failure, for the call to end in time: within 2 s
    /// of its deadline. Far away where it has none.
    Clock::time_point clean_up_end() const;

private:
    void check_deadline() const;
    void report(const Progress& progress);

    Error cancelled() const;

    const LoadOptions& options_;
    const char* what_;
    const Clock::time_point started_;
    Clock::time_point reported_{};
};

} // namespace tz
