#include <tz/tools/bench_sample.hpp>

#include <algorithm>
#include <array>
#include <fstream>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

namespace tz::bench {

double monotonic_seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

namespace {

double cpu_seconds_of(int who) {
    rusage usage{};
    ::getrusage(who, &usage);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// user, nice, system, idle, iowait, irq, softirq, steal, in seconds; zeros where the kernel
/// doesn't say.
std::array<double, 8> machine_seconds() {
    std::ifstream stat("/proc/stat");
    std::string label;
    stat >> label;
    std::array<double, 8> fields{};
    for (double& field : fields) {
        if (!(stat >> field))
            return {};
        field /= static_cast<double>(::sysconf(_SC_CLK_TCK));
    }
    return fields;
}

} // namespace

double process_cpu_seconds() {
    return cpu_seconds_of(RUSAGE_SELF);
}

double family_cpu_seconds() {
    return cpu_seconds_of(RUSAGE_SELF) + cpu_seconds_of(RUSAGE_CHILDREN);
}

double machine_steal_seconds() {
    return machine_seconds()[7];
}

double machine_busy_seconds() {
    const auto [user, nice, system, idle, iowait, irq, softirq, steal] = machine_seconds();
    return user + nice + system + irq + softirq;
}

Stopwatch::Stopwatch()
    : steal_(machine_steal_seconds()),
      cpu_(process_cpu_seconds()),
      start_(std::chrono::steady_clock::now()) {}

Sample Stopwatch::stop(std::uint64_t bytes) const {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start_;
    Sample sample;
    sample.seconds = passed.count();
    sample.cpu_seconds = process_cpu_seconds() - cpu_;
    sample.steal_seconds = machine_steal_seconds() - steal_;
    sample.bytes = bytes;
    return sample;
}

Spread spread(std::vector<double> values) {
    if (values.empty())
        return {};
    std::ranges::sort(values);
    const std::size_t middle = values.size() / 2;
    const double median =
        values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    return {median, values.front(), values.back()};
}

} // namespace tz::bench
