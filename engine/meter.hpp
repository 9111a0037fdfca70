// Measures the stages of one load: where its chunks spent their time, and what that cost.
#pragma once

#include <tz/engine/options.hpp>
#include <tz/engine/reader.hpp>
#include <tz/engine/stats.hpp>
#include <tz/engine/trace.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>

namespace tz {

/// CPU time of the calling thread.
std::chrono::nanoseconds thread_cpu();
/// Of the whole process.
double process_cpu_seconds();

/// What one job did on a worker. Belongs to the job.
class JobTimes {
public:
    using Clock = std::chrono::steady_clock;

    /// Counts the time of its scope to a stage of the work.
    class Scope {
    public:
        Scope(JobTimes& times, Stage stage, std::uint64_t bytes);
        ~Scope();

        /// Bytes that were not known before.
        void add(std::uint64_t bytes) { times_.part(stage_).bytes += bytes; }

        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;

    private:
        JobTimes& times_;
        Stage stage_;
        Clock::time_point began_ = Clock::now();
    };

    /// Begins now, on the calling thread.
    JobTimes() = default;

    /// Ends now, on the thread it began on.
    void end();

private:
    friend class ChunkMeter;

    struct Part {
        std::uint64_t bytes = 0;
        std::chrono::nanoseconds time{};
    };

    Part& part(Stage stage) { return parts_[static_cast<std::size_t>(stage)]; }

    Clock::time_point began_ = Clock::now();
    Clock::time_point ended_;
    std::chrono::nanoseconds cpu_ = thread_cpu();
    std::array<Part, stages> parts_; ///< by Stage
};

/// Sums of one load. Any thread.
class Meter {
public:
    explicit Meter(std::shared_ptr<Trace> trace) : trace_(std::move(trace)) {}

    void delivered(
        std::uint64_t number,
        std::uint64_t bytes,
        JobTimes::Clock::time_point began,
        JobTimes::Clock::time_point ended);

    /// `cpu_nanoseconds`: of threads other than loops, for reading. The rest of the reads stands in
    /// `stats` already.
    void fill(LoadStats& stats, std::uint64_t cpu_nanoseconds) const;

    /// What Progress says of them.
    StageSeconds stage_seconds() const;

private:
    friend class ChunkMeter;

    struct Sum {
        std::uint64_t bytes = 0;
        std::chrono::nanoseconds time{};
        std::chrono::nanoseconds cpu{};
    };

    Sum& sum(Stage stage) { return sums_[static_cast<std::size_t>(stage)]; }

    StageStats stats_of(Stage stage) const;

    std::shared_ptr<Trace> trace_;
    mutable std::mutex mutex_;
    std::array<Sum, stages> sums_; ///< by Stage
    unsigned reads_waiting_ = 0;
    JobTimes::Clock::time_point source_busy_since_;
    std::chrono::nanoseconds source_busy_{};
    unsigned puts_waiting_ = 0;
    JobTimes::Clock::time_point sink_busy_since_;
    std::chrono::nanoseconds sink_busy_{};
};

/// Follows one chunk through its lane. Used by one thread at a time: the lane's loop, or the worker
/// that has the chunk while the lane waits for it.
class ChunkMeter {
public:
    ChunkMeter(Meter& meter, unsigned lane, std::uint64_t chunk, std::uint64_t bytes)
        : meter_(meter),
          lane_(lane),
          chunk_(chunk),
          bytes_(bytes) {}

    /// `route`: whether the read waits for a device.
    void read_begins(Route route);
    void read_ends(Route route);

    /// Bytes on their way to the sink.
    void put_begins();
    void put_ends(std::uint64_t bytes);

    /// The time since the last event was waiting; then came `times`, which has ended. `share` of it
    /// was this chunk's.
    void worked(const JobTimes& times, double share = 1);

private:
    using Clock = JobTimes::Clock;

    void record(Stage stage, std::uint64_t bytes, Clock::time_point begin, Clock::time_point end);

    Meter& meter_;
    unsigned lane_;
    std::uint64_t chunk_;
    std::uint64_t bytes_;
    Clock::time_point since_ = Clock::now();
};

} // namespace tz
