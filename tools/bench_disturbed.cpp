#include <tz/tools/bench_disturbed.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <functional>

namespace tz::bench {

namespace {

/// Of the time that the cores had; what may be rounding is not counted.
double share(double seconds, const Surroundings& surroundings, unsigned cores) {
    const double all = surroundings.wall_seconds * cores;
    const double sure = seconds - tick_seconds * cores;
    return all > 0 && sure > 0 ? sure / all : 0;
}

} // namespace

double disturbance(const Surroundings& surroundings, unsigned cores) {
    return std::max(
        share(surroundings.steal_seconds, surroundings, cores) / steal_share_max,
        share(surroundings.others_cpu_seconds, surroundings, cores) / others_share_max);
}

std::string disturbed_by(const Surroundings& surroundings, unsigned cores) {
    if (disturbance(surroundings, cores) <= 1)
        return {};
    const double steal = share(surroundings.steal_seconds, surroundings, cores);
    const double others = share(surroundings.others_cpu_seconds, surroundings, cores);
    return steal / steal_share_max >= others / others_share_max
               ? fmt::format("the hypervisor took {:.1f} % of the cores", steal * 100)
               : fmt::format("other processes took {:.0f} % of the cores", others * 100);
}

Choice choose_samples(const std::vector<double>& disturbances) {
    std::vector<std::size_t> disturbed;
    for (std::size_t i = 0; i < disturbances.size(); ++i)
        if (disturbances[i] > 1)
            disturbed.push_back(i);
    std::ranges::stable_sort(
        disturbed, std::greater{}, [&](std::size_t i) { return disturbances[i]; });
    Choice choice;
    const std::size_t out_max = disturbances.size() / 3;
    choice.unsteady = disturbed.size() > out_max;
    disturbed.resize(std::min(disturbed.size(), out_max));
    choice.left_out.resize(disturbances.size());
    for (const std::size_t i : disturbed)
        choice.left_out[i] = true;
    return choice;
}

} // namespace tz::bench
