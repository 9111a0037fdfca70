// The figures of a load that took a second.
#pragma once

#include <tz/engine/stats.hpp>

namespace tz::test {

/// A load of 2 GB in a second on two workers and 16 lanes, which had `cpu_seconds` of the cores.
inline LoadStats one_second(double cpu_seconds) {
    LoadStats stats;
    stats.bytes = 2'000'000'000;
    stats.seconds = 1;
    stats.workers = 2;
    stats.lanes = 16;
    stats.cpu_seconds = cpu_seconds;
    return stats;
}

} // namespace tz::test
