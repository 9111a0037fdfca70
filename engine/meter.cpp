#include <tz/engine/meter.hpp>

#include <algorithm>
#include <sys/resource.h>
#include <time.h>

namespace tz {

namespace {

constexpr std::array work_stages{Stage::decrypt, Stage::copy, Stage::verify};

double seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

std::uint64_t scaled(std::uint64_t bytes, double factor) {
    return static_cast<std::uint64_t>(static_cast<double>(bytes) * factor + 0.5);
}

std::chrono::nanoseconds scaled(std::chrono::nanoseconds time, double factor) {
    return std::chrono::nanoseconds(
        static_cast<std::int64_t>(static_cast<double>(time.count()) * factor));
}

} // namespace

std::chrono::nanoseconds thread_cpu() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

double process_cpu_seconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto in_seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    return in_seconds(usage.ru_utime) + in_seconds(usage.ru_stime);
}

JobTimes::Scope::Scope(JobTimes& times, Stage stage, std::uint64_t bytes)
    : times_(times),
      stage_(stage) {
    times_.part(stage).bytes += bytes;
}

JobTimes::Scope::~Scope() {
    times_.part(stage_).time += Clock::now() - began_;
}

void JobTimes::end() {
    cpu_ = thread_cpu() - cpu_;
    ended_ = Clock::now();
}

void Meter::delivered(
    std::uint64_t number,
    std::uint64_t bytes,
    JobTimes::Clock::time_point began,
    JobTimes::Clock::time_point ended) {
    {
        const std::lock_guard lock(mutex_);
        sum(Stage::deliver).bytes += bytes;
        sum(Stage::deliver).time += ended - began;
    }
    if (trace_)
        trace_->record(Stage::deliver, Trace::caller_lane, number, bytes, began, ended);
}

StageStats Meter::stats_of(Stage stage) const {
    const Sum& sum = sums_[static_cast<std::size_t>(stage)];
    return {sum.bytes, seconds(sum.cpu), std::max(0.0, seconds(sum.time - sum.cpu))};
}

void Meter::fill(LoadStats& stats, std::uint64_t cpu_nanoseconds) const {
    const std::lock_guard lock(mutex_);
    stats.read = stats_of(Stage::read);
    stats.wait = stats_of(Stage::wait);
    stats.verify = stats_of(Stage::verify);
    stats.decrypt = stats_of(Stage::decrypt);
    stats.copy = stats_of(Stage::copy);
    stats.put = stats_of(Stage::put);
    stats.read.bytes = stats.read_bytes;
    const double threads = static_cast<double>(cpu_nanoseconds) * 1e-9;
    stats.read.cpu_seconds = threads + stats.loop_cpu_seconds;
    stats.read.wait_seconds = std::max(0.0, stats.read.wait_seconds - threads);
    stats.source_seconds = seconds(source_busy_);
    stats.sink_seconds = seconds(sink_busy_);
    stats.deliver_seconds = seconds(sums_[static_cast<std::size_t>(Stage::deliver)].time);
}

StageSeconds Meter::stage_seconds() const {
    const std::lock_guard lock(mutex_);
    StageSeconds all{};
    for (std::size_t i = 0; i < stages; ++i)
        all[i] = seconds(sums_[i].time);
    return all;
}

void ChunkMeter::read_begins(Route route) {
    since_ = Clock::now();
    if (route == Route::cached)
        return;
    const std::lock_guard lock(meter_.mutex_);
    if (meter_.reads_waiting_++ == 0)
        meter_.source_busy_since_ = since_;
}

void ChunkMeter::read_ends(Route route) {
    const Clock::time_point now = Clock::now();
    {
        const std::lock_guard lock(meter_.mutex_);
        meter_.sum(Stage::read).time += now - since_;
        if (route != Route::cached && --meter_.reads_waiting_ == 0)
            meter_.source_busy_ += now - meter_.source_busy_since_;
    }
    record(Stage::read, bytes_, since_, now);
    since_ = now;
}

void ChunkMeter::put_begins() {
    since_ = Clock::now();
    const std::lock_guard lock(meter_.mutex_);
    if (meter_.puts_waiting_++ == 0)
        meter_.sink_busy_since_ = since_;
}

void ChunkMeter::put_ends(std::uint64_t bytes) {
    const Clock::time_point now = Clock::now();
    {
        const std::lock_guard lock(meter_.mutex_);
        meter_.sum(Stage::put).bytes += bytes;
        meter_.sum(Stage::put).time += now - since_;
        if (--meter_.puts_waiting_ == 0)
            meter_.sink_busy_ += now - meter_.sink_busy_since_;
    }
    record(Stage::put, bytes, since_, now);
    since_ = now;
}

void ChunkMeter::worked(const JobTimes& times, double share) {
    const auto time = times.ended_ - times.began_;
    const double busy = std::max(1.0, static_cast<double>(time.count()));
    {
        const std::lock_guard lock(meter_.mutex_);
        meter_.sum(Stage::wait).bytes += bytes_;
        meter_.sum(Stage::wait).time += times.began_ - since_;
        for (const Stage stage : work_stages) {
            const auto& part = times.parts_[static_cast<std::size_t>(stage)];
            auto& sum = meter_.sum(stage);
            sum.bytes += scaled(part.bytes, share);
            sum.time += part.time;
            const double of_all = static_cast<double>(part.time.count()) / busy;
            sum.cpu += scaled(times.cpu_, of_all * share);
        }
    }
    record(Stage::wait, bytes_, since_, times.began_);
    // one behind the other, though the parts of small tensors take turns
    Clock::time_point at = times.began_;
    for (const Stage stage : work_stages) {
        const auto& part = times.parts_[static_cast<std::size_t>(stage)];
        if (part.bytes > 0)
            record(stage, scaled(part.bytes, share), at, at + part.time);
        at += part.time;
    }
    since_ = times.ended_;
}

void ChunkMeter::record(
    Stage stage, std::uint64_t bytes, Clock::time_point begin, Clock::time_point end) {
    if (meter_.trace_)
        meter_.trace_->record(stage, lane_, chunk_, bytes, begin, end);
}

} // namespace tz
