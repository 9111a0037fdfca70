#include <tz/engine/explain.hpp>
#include <tz/engine/stats.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <tuple>
#include <utility>

namespace tz {

namespace {

/// The stage that took most CPU, and its share of all stages'.
std::pair<std::string, double> costliest(const LoadStats& stats) {
    const std::array<std::pair<const char*, double>, 4> stages{{
        {"read", stats.read.cpu_seconds},
        {"verify", stats.verify.cpu_seconds},
        {"decrypt", stats.decrypt.cpu_seconds},
        {"copy", stats.copy.cpu_seconds},
    }};
    double sum = 0;
    for (const auto& stage : stages)
        sum += stage.second;
    const auto most =
        std::max_element(stages.begin(), stages.end(), [](const auto& a, const auto& b) {
            return a.second < b.second;
        });
    return {most->first, sum > 0 ? most->second / sum : 0};
}

const char* work_of(const std::string& stage) {
    return stage == "read"      ? "reading"
           : stage == "verify"  ? "verifying"
           : stage == "decrypt" ? "decrypting"
                                : "copying";
}

std::string percent(double share) {
    return std::to_string(static_cast<int>(std::lround(100 * share))) + " %";
}

std::string rate(double gb_s) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.2f GB/s", gb_s);
    return text.data();
}

/// Lanes waited, and no read waited for a device: they waited for cores that others used.
bool lacks_cores(const LoadStats& stats) {
    return stats.read.wait_seconds > 0 && stats.source_seconds <= 0;
}

} // namespace

Verdict verdict_of(const LoadStats& stats) {
    Verdict verdict;
    if (stats.seconds <= 0)
        return verdict;
    const double cores = std::max(1u, stats.workers);
    const double of_source = stats.source_seconds / stats.seconds;
    const double of_cores = stats.cpu_seconds / (cores * stats.seconds);
    const double of_delivery = stats.deliver_seconds / stats.seconds;
    // Reads wait even when the cores are the bound: those of lanes that a core let go on.
    const double lane_seconds = std::max(1u, stats.lanes) * stats.seconds;
    const double waiting = stats.read.wait_seconds / lane_seconds;
    const double putting = stats.put.wait_seconds / lane_seconds;

    double share = of_source;
    if (of_delivery > of_cores && of_delivery > waiting) {
        verdict.bound = Bound::delivery;
        share = of_delivery;
    } else if (putting > of_cores && putting > waiting && stats.sink_seconds > 0) {
        verdict.bound = Bound::sink;
        share = stats.sink_seconds / stats.seconds;
    } else if (of_cores >= waiting || lacks_cores(stats)) {
        verdict.bound = Bound::cores;
        share = of_cores;
    }
    verdict.stage = "read";
    if (verdict.bound == Bound::cores)
        std::tie(verdict.stage, verdict.stage_share) = costliest(stats);
    verdict.share = std::clamp(share, 0.0, 1.0);
    const double gb_s = static_cast<double>(stats.bytes) / stats.seconds / 1e9;
    verdict.ceiling_gb_s = verdict.share > 0 ? gb_s / verdict.share : 0;
    return verdict;
}

std::string explain(const LoadStats& stats) {
    return explain(stats, "where the tensors go");
}

std::string explain(const LoadStats& stats, const std::string& sink) {
    const Verdict verdict = verdict_of(stats);
    // of a load of next to nothing there is none to tell
    const std::string reached =
        verdict.ceiling_gb_s > 0
            ? ": " + percent(verdict.share) + " of its ceiling of " + rate(verdict.ceiling_gb_s)
            : "";
    switch (verdict.bound) {
    case Bound::source:
        return "bound by the source" + reached;
    case Bound::sink:
        return "bound by " + sink + reached;
    case Bound::delivery:
        return "bound by the delivery callback" + reached;
    case Bound::cores:
        break;
    }
    if (verdict.share < 0.5 && lacks_cores(stats))
        return "bound by the wait for cores, which others may have used" + reached;
    return "bound by the cores, " + percent(verdict.stage_share) + " of their work " +
           work_of(verdict.stage) + reached;
}

} // namespace tz
