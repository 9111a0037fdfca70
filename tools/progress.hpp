// Shows how far a load is: a bar on a terminal, a line now and then elsewhere.
#pragma once

#include <tz/engine/options.hpp>
#include <tz/tools/console.hpp>

#include <chrono>
#include <deque>
#include <string>

namespace tz::cli {

/// A bar where stderr is a terminal. Elsewhere a line each ten seconds and one at the end;
/// `automatic` says nothing there of loads that end sooner.
enum class ShowProgress { automatic, on, off };

/// "  42 %  6.3 GiB of 15.0 GiB  6.98 GB/s  ETA 0:02  read 71 %  verify 29 %", in front of it a
/// bar. Bar and shares of the stages' time are there where `columns` has room; 0 columns: no bar
/// and no limit. Without colours.
std::string progress_text(const Progress& progress, double bytes_per_s, unsigned columns);

/// Fed by the thread that calls load().
class ProgressReport {
public:
    using Clock = std::chrono::steady_clock;

    ProgressReport(Console& console, ShowProgress show, Clock::time_point now = Clock::now());

    void update(const Progress& progress, Clock::time_point now = Clock::now());
    /// The load is complete: takes the bar away, or writes the last line.
    void finish();

private:
    enum class Mode { off, bar, lines };

    struct Sample {
        Clock::time_point when;
        std::uint64_t bytes;
    };

    double bytes_per_s() const;

    Console& console_;
    Mode mode_;
    bool last_line_; ///< is due at the end
    Progress last_;
    std::deque<Sample> samples_; ///< of the last two seconds; the load's start, while it is young
    const Clock::time_point began_;
    Clock::time_point shown_; ///< when something was last written
};

} // namespace tz::cli
