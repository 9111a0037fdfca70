#include "attempt.hpp"
#include "soak.hpp"
#include "watchdog.hpp"

namespace tz::soak {

void run_schedules(
    const Slice& slice, const Roads& roads, const Material& material, Report& report) {
    constexpr const char* names[] = {"file", "http", "s3", "save"};
    std::string kinds; // a number means another schedule among other kinds
    for (const Road road : roads)
        kinds += (kinds.empty() ? " --kinds " : ",") + std::string(names[static_cast<int>(road)]);
    for (std::uint64_t i = slice.first; i < slice.first + slice.count; ++i) {
        const Plan plan = draw_plan(slice.seed, i, roads);
        const std::string description = to_string(plan);
        const std::string replay = "tz_soak schedules --seed " + std::to_string(slice.seed) +
                                   kinds + " --only " + std::to_string(i);
        begin_run(replay + ": " + description);
        const Outcome outcome = attempt(plan, material);
        Tally& tally = report.tally(std::string("schedules ") + names[static_cast<int>(plan.road)]);
        tally.hash = hash_of(description, tally.hash);
        const Judgement judgement =
            judge(expectation(plan), outcome, slice.within.value_or(late_after(plan)));
        report.add(tally, judgement, outcome, replay, description);
    }
    end_run();
}

} // namespace tz::soak
