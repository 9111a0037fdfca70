#include "report.hpp"

#include <algorithm>

namespace tz::soak {

namespace {

constexpr std::size_t samples_min = 10;
constexpr std::uint64_t rss_slack = 8 << 20;

std::uint64_t
median_of(const std::vector<Holding>& samples, std::size_t fifth, std::uint64_t Holding::* what) {
    const std::size_t first = samples.size() * fifth / 5;
    const std::size_t last = std::max(first + 1, samples.size() * (fifth + 1) / 5);
    std::vector<std::uint64_t> values;
    values.reserve(last - first);
    for (std::size_t i = first; i < last; ++i)
        values.push_back(samples[i].*what);
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

} // namespace

Holding median(const std::vector<Holding>& samples, std::size_t fifth) {
    return {
        median_of(samples, fifth, &Holding::rss_bytes),
        median_of(samples, fifth, &Holding::descriptors),
        median_of(samples, fifth, &Holding::threads)};
}

std::string growth(const std::vector<Holding>& samples) {
    if (samples.size() < samples_min)
        return {};

    struct Watched {
        const char* name;
        std::uint64_t Holding::* what;
        std::uint64_t slack;
    };

    const Holding early = median(samples, 1), late = median(samples, 4);
    std::string text;
    for (const auto& [name, what, slack] :
         {Watched{"memory", &Holding::rss_bytes, rss_slack},
          Watched{"descriptors", &Holding::descriptors, 0},
          Watched{"threads", &Holding::threads, 0}}) {
        const std::uint64_t then = early.*what;
        const std::uint64_t now = late.*what;
        if (now > then + then / 20 + slack)
            text += std::string(text.empty() ? "" : "; ") + name + " grew from " +
                    std::to_string(then) + " to " + std::to_string(now);
    }
    return text;
}

} // namespace tz::soak
