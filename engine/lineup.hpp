// Which lanes a load has: how many for each host, on which loops, with what staging and pace.
#pragma once

#include <tz/engine/engine.hpp>
#include <tz/engine/geometry.hpp>
#include <tz/engine/hosts.hpp>
#include <tz/engine/lane.hpp>
#include <tz/engine/meter.hpp>
#include <tz/engine/pace.hpp>
#include <tz/engine/supervision.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace tz {

/// Belongs to one load, on the thread that called load(), while it is that load's turn.
class Lineup {
public:
    /// `hosts` of `sources` outlives it. Files have at least `file_lanes` lanes, where that fits.
    Lineup(
        Engine::State& engine, const Hosts& hosts, Hosts::Sources sources, unsigned file_lanes = 0);

    /// What they prefer may have changed with their first answers. While no lane runs.
    void ask_hosts();

    std::size_t chunk_bytes() const { return chunk_bytes_; }

    /// What the fewest lanes that the load can have take, beyond what the engine has already.
    std::uint64_t staging_least() const;

    /// The next deal() takes no more than that, where the fewest lanes don't: there is little
    /// memory beside the tensors. How many lanes the caller asked for stays.
    void limit_staging(std::uint64_t bytes);

    /// Decides anew how many lanes each host has; while none runs. `needs_scratch`: the load may
    /// need memory beside its lanes' staging, and half of the limit is kept for that where hosts
    /// would like to have more lanes than they start with.
    void deal(bool needs_scratch);

    /// For the queues of a load; `spans` of tensors under way at once in each, at most.
    std::vector<QueueOptions> queues(unsigned spans) const;
    std::uint64_t scratch_bytes() const;

    using Queues = std::span<const std::unique_ptr<Queue>>;
    using MakeLane = std::function<awaitable<void>(Loop& loop, Seat seat)>;

    /// Runs the lanes that draw from `queues`, which queues() describes, to their end. `crew` is
    /// told what to wake; `tick` is called often.
    void
    run(Queues queues,
        const MakeLane& make_lane,
        Crew& crew,
        Supervision& supervision,
        const std::function<Progress()>& progress,
        const std::function<void()>& tick);

    unsigned loops() const;

    /// What the load has read and cost up to now, and with how many threads and lanes.
    void add_to(LoadStats& stats) const;

private:
    unsigned lanes_max() const;
    unsigned lanes_least() const;
    std::uint64_t lane_bytes() const;
    Pacing pacing_of(Queues queues) const;

    Engine::State& engine_;
    const Hosts& hosts_;
    Hosts::Sources sources_;
    unsigned file_lanes_;
    const JobTimes::Clock::time_point began_ = JobTimes::Clock::now();
    const double cpu_ = process_cpu_seconds();
    const double loop_cpu_ = engine_.loop_cpu_seconds();
    /// Of each queue. A host has one of its own, unless there are fewer lanes than hosts.
    std::vector<std::vector<const Host*>> queues_;
    std::vector<Preference> preferences_; ///< of their first hosts
    std::vector<LaneShare> shares_;       ///< of the queues
    unsigned width_ = 1;                  ///< buffers of a lane
    std::uint64_t staging_max_ = UINT64_MAX;
    std::size_t chunk_bytes_;
    unsigned lanes_most_ = 0; ///< that worked at one time
};

/// Runs `make(loop)` on the first loop and waits for it. Nothing stops it: for what must be done
/// after a failure too.
void run_to_end(Engine::State& engine, const std::function<awaitable<void>(Loop& loop)>& make);

/// Before a load has lanes: runs `make(loop)` for each of `sources` sources, but no more at a time
/// than have lanes, on the first `loops` loops, and waits for all of them.
void run_side_by_side(
    Engine::State& engine,
    unsigned loops,
    std::size_t sources,
    Supervision& supervision,
    const std::function<awaitable<void>(Loop& loop)>& make);

} // namespace tz
