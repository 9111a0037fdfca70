#include <tz/tools/bench_disturbed.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <functional>

namespace tz::bench {

namespace {

/// Of the time that the cores had; what may be rounding is not counted.
double share(double seconds, const Interference& interference, unsigned cores) {
    const double all = interference.wall_seconds * cores;
    const double sure = seconds - tick_seconds * cores;
    return all > 0 && sure > 0 ? sure / all : 0;
}

} // namespace

double disturbance(const Interference& interference, unsigned cores) {
    return std::max(
        share(interference.steal_seconds, interference, cores) / steal_share_max,
        share(interference.others_cpu_seconds, interference, cores) / others_share_max);
}

std::string disturbed_by(const Interference& interference, unsigned cores) {
    if (disturbance(interference, cores) <= 1)
        return {};
    const double steal = share(interference.steal_seconds, interference, cores);
    const double others = share(interference.others_cpu_seconds, interference, cores);
    return steal / steal_share_max >= others / others_share_max
               ? fmt::format("the hypervisor took {:.1f} % of the cores", steal * 100)
               : fmt::format("other processes took {:.0f} % of the cores", others * 100);
}

Sifted sift_samples(const std::vector<double>& disturbances) {
    std::vector<std::size_t> disturbed;
    for (std::size_t i = 0; i < disturbances.size(); ++i)
        if (disturbances[i] > 1)
            disturbed.push_back(i);
    std::ranges::stable_sort(
        disturbed, std::greater{}, [&](std::size_t i) { return disturbances[i]; });
    Sifted sifted;
    const std::size_t out_max = disturbances.size() / 3;
    sifted.unsteady = disturbed.size() > out_max;
    disturbed.resize(std::min(disturbed.size(), out_max));
    sifted.left_out.resize(disturbances.size());
    for (const std::size_t i : disturbed)
        sifted.left_out[i] = true;
    return sifted;
}

} // namespace tz::bench
