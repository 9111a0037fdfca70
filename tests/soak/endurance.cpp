// Everything in turn, for as long as is asked.
#include "soak.hpp"

namespace tz::soak {

void run_all(
    std::chrono::seconds time,
    const Slice& slice,
    const std::vector<FailureLoop>& loops,
    const Material& material,
    Report& report) {
    constexpr std::uint64_t schedules_each = 100;
    constexpr std::uint64_t cancels_each = 50;
    const auto end = std::chrono::steady_clock::now() + time;
    Slice next = slice;
    for (std::size_t turn = 0; std::chrono::steady_clock::now() < end; ++turn) {
        next.first = slice.first + turn * schedules_each;
        next.count = schedules_each;
        run_schedules(next, {}, material, report);
        next.first = slice.first + turn * cancels_each;
        next.count = cancels_each;
        run_cancels(next, material, report);
        run_failures(loops, loops[turn % loops.size()].name, {}, report);
        report.sample(holding());
    }
    report.judge_growth();
}

} // namespace tz::soak
