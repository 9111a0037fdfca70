#include <tz/tools/progress.hpp>
#include <tz/tools/units.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tz::cli {

using namespace std::chrono_literals;

namespace {

constexpr auto between_redraws = 100ms;
constexpr auto between_lines = 10s;
constexpr auto rate_window = 2s;
constexpr unsigned bar_columns_max = 20; // and the longest text fit into 80

std::string time_text(double seconds) {
    // an estimate of days helps nobody
    if (!(seconds < 100 * 3600))
        return "-:--";
    const auto whole = static_cast<long>(std::ceil(seconds));
    if (whole >= 3600)
        return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
    return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

// "  read 71 %  verify 29 %": where the chunks spent their time. Nothing while nothing is known.
std::string shares_text(const StageSeconds& spent) {
    const double all = std::accumulate(spent.begin(), spent.end(), 0.0);
    std::string text;
    for (std::size_t i = 0; i < spent.size(); ++i)
        if (all > 0 && spent[i] / all >= 0.01)
            text += fmt::format(
                "  {} {:.0f} %", name_of(static_cast<Stage>(i)), std::floor(100 * spent[i] / all));
    return text;
}

} // namespace

std::string progress_text(const Progress& progress, double bytes_per_s, unsigned columns) {
    if (progress.phase == Phase::index)
        return "reading the index";
    const double total = static_cast<double>(progress.bytes_total);
    const double done = static_cast<double>(progress.bytes_done);
    const double share = total > 0 ? std::min(done / total, 1.0) : 1.0;
    std::string text = fmt::format(
        "{:3.0f} %  {} of {}  {:.2f} GB/s  ETA {}",
        std::floor(share * 100),
        size_text(progress.bytes_done),
        size_text(progress.bytes_total),
        bytes_per_s / 1e9,
        time_text(total > done ? (total - done) / bytes_per_s : 0));
    const std::string shares = shares_text(progress.stage_seconds);
    if (columns == 0 || text.size() + shares.size() < columns)
        text += shares;
    if (columns == 0)
        return text;
    // the last column stays free: some terminals wrap when it is written
    const unsigned taken = static_cast<unsigned>(text.size()) + 4;
    const unsigned width = columns > taken ? std::min(columns - taken, bar_columns_max) : 0;
    if (width < 5)
        return text.substr(0, columns - 1);
    const auto filled = static_cast<unsigned>(share * width);
    return fmt::format("[{:<{}}] {}", std::string(filled, '='), width, text);
}

ProgressReport::ProgressReport(Console& console, ShowProgress show, Clock::time_point now)
    : console_(console),
      mode_(
          show == ShowProgress::off ? Mode::off
          : console.terminal()      ? Mode::bar
                                    : Mode::lines),
      last_line_(show == ShowProgress::on),
      samples_{{now, 0}},
      began_(now),
      shown_(now) {}

void ProgressReport::update(const Progress& progress, Clock::time_point now) {
    if (mode_ == Mode::off)
        return;
    last_ = progress;
    samples_.push_back({now, progress.bytes_done});
    while (samples_.size() > 2 && samples_.front().when < now - rate_window)
        samples_.pop_front();

    const auto interval = mode_ == Mode::bar ? Clock::duration(between_redraws) : between_lines;
    if (now - shown_ < interval)
        return;
    shown_ = now;
    if (mode_ == Mode::bar)
        console_.bar(progress_text(progress, bytes_per_s(), console_.columns()));
    else
        console_.line(progress_text(progress, bytes_per_s(), 0));
    last_line_ = true;
}

void ProgressReport::finish() {
    if (mode_ == Mode::bar)
        console_.clear();
    if (mode_ != Mode::lines || !last_line_)
        return;
    const std::chrono::duration<double> took = samples_.back().when - began_;
    console_.line(fmt::format(
        "100 %  {} in {:.2f} s  {}",
        size_text(last_.bytes_done),
        took.count(),
        rate_text(last_.bytes_done, took.count())));
}

double ProgressReport::bytes_per_s() const {
    const std::chrono::duration<double> span = samples_.back().when - samples_.front().when;
    const auto bytes = static_cast<double>(samples_.back().bytes - samples_.front().bytes);
    return span.count() > 0 ? bytes / span.count() : 0;
}

} // namespace tz::cli
