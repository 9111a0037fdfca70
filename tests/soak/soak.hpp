// The commands of tz_soak. Each fills a report; all are on the thread that called them.
#pragma once

#include "material.hpp"
#include "plan.hpp"
#include "report.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace tz::soak {

struct Slice {
    std::uint64_t seed = 1;
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    /// Instead of the usual limit: for machines that may stand still.
    std::optional<std::chrono::milliseconds> within{};
};

/// Schedules `first` and the following ones.
void run_schedules(
    const Slice& slice, const Roads& roads, const Material& material, Report& report);

/// Loads and saves that are stopped at a moment drawn by lot, and destroyed at once.
void run_cancels(const Slice& slice, const Material& material, Report& report);

/// What fails at its first, second, ... time until a load or save gets through without.
struct FailureLoop {
    std::string name;
    /// False once there were fewer than `nth` (0 is the first).
    std::function<bool(std::uint64_t nth, Outcome& outcome)> run;
    std::set<errc> errors;
    bool needs_ring = false; ///< where the system refuses io_uring nothing fails
};

/// `url` is of an object with the material's hashed file, that a server of another process has.
std::vector<FailureLoop> failure_loops(const Material& material, const std::string& url);

/// `only`: the part of a name, which one at least must have; `nth`: that one alone. A loop in which
/// nothing fails shows nothing, which is a break.
void run_failures(
    const std::vector<FailureLoop>& loops,
    const std::string& only,
    std::optional<std::uint64_t> nth,
    Report& report);

/// All of these in turn until the time is over, and whether what the process holds stays the same.
void run_all(
    std::chrono::seconds time,
    const Slice& slice,
    const std::vector<FailureLoop>& loops,
    const Material& material,
    Report& report);

} // namespace tz::soak
