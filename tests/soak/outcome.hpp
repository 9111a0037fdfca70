// What a schedule came to, and whether it may.
#pragma once

#include "plan.hpp"

#include <chrono>
#include <exception>
#include <new>
#include <optional>
#include <string>

namespace tz::soak {

struct Outcome {
    std::optional<errc> error{}; ///< none: it ended well
    std::string what{};          ///< of the error
    std::string untyped{};       ///< of an error that is no tz::Error
    std::string wrong{};         ///< how what it gave differs from what is right; "" if it doesn't
    std::string left{};          ///< what it left behind
    std::chrono::milliseconds took{0};
};

enum class Verdict { fine, wrong, unexpected, late, left };

inline constexpr std::size_t verdicts = 5;

const char* name_of(Verdict verdict);

struct Judgement {
    Verdict verdict = Verdict::fine;
    std::string reason{};
};

/// Pure. `late` is the time that it may take.
Judgement
judge(const Expectation& expected, const Outcome& outcome, std::chrono::milliseconds late);

/// Runs `body` and notes what it throws; std::bad_alloc, as from the constructor of an Engine, is
/// errc::limit.
template <typename Body>
void note_errors(Outcome& outcome, Body body) {
    try {
        body();
    } catch (const Error& error) {
        outcome.error = error.kind();
        outcome.what = error.what();
    } catch (const std::bad_alloc& error) {
        outcome.error = errc::limit;
        outcome.what = error.what();
    } catch (const std::exception& error) {
        outcome.untyped = error.what();
    }
}

} // namespace tz::soak
