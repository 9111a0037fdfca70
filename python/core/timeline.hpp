// What the lanes did during one load or several, for a file that ui.perfetto.dev opens.
#pragma once

#include <tz/engine/options.hpp>
#include <tz/engine/trace.hpp>
#include <tz/tools/trace_file.hpp>

#include <cstdint>
#include <mutex>
#include <string>

namespace tzio {

/// Loads one behind the other in one file, as if they were one. Any thread.
class Timeline {
public:
    /// Throws `tz::Error` where the path can't be written.
    explicit Timeline(const std::string& path) : file_(path) {}

    /// What a load that began at `began` brought. Its chunks are numbered behind those before it.
    void add(const tz::Trace& load, tz::Trace::Clock::time_point began);
    /// To the file. Throws `tz::Error`.
    void write();

private:
    std::mutex mutex_;
    tz::cli::TraceFile file_;
    std::uint64_t chunks_ = 0; ///< of loads that have ended
};

/// Has a load record itself, for a timeline or none, which it outlives: however it ends.
class Timed {
public:
    Timed(Timeline* timeline, tz::LoadOptions& options);
    ~Timed();
    Timed(const Timed&) = delete;
    Timed& operator=(const Timed&) = delete;

private:
    Timeline* timeline_;
    const tz::Trace::Clock::time_point began_ = tz::Trace::Clock::now();
    std::shared_ptr<tz::Trace> trace_;
};

} // namespace tzio
