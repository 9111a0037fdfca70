#include <tz/engine/machine.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <optional>
#include <sched.h>
#include <sstream>
#include <string>
#include <thread>
#include <unistd.h>

namespace tz {

namespace {

constexpr const char* root = "/sys/fs/cgroup";

std::optional<std::string> first_line(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    if (!std::getline(file, line))
        return {};
    return line;
}

// "max" and the huge number that v1 writes for "no limit" both mean no number.
std::optional<std::uint64_t> number(const std::optional<std::string>& text) {
    if (!text || text->empty() || text->find_first_not_of("0123456789") != std::string::npos)
        return {};
    std::uint64_t value = 0;
    std::istringstream(*text) >> value;
    if (value >= std::numeric_limits<std::int64_t>::max() / 2)
        return {};
    return value;
}

// The folders of our group and its parents under `mount`; `controller` is empty for v2.
template <typename Visit>
void visit_groups(const std::string& controller, const std::string& mount, Visit visit) {
    std::ifstream file("/proc/self/cgroup");
    for (std::string line; std::getline(file, line);) {
        const auto first = line.find(':');
        const auto second = line.find(':', first + 1);
        if (second == std::string::npos)
            continue;
        const std::string names = "," + line.substr(first + 1, second - first - 1) + ",";
        const bool ours = controller.empty()
                              ? names == ",,"
                              : names.find("," + controller + ",") != std::string::npos;
        if (!ours)
            continue;
        std::string path = line.substr(second + 1);
        while (true) {
            visit(mount + (path == "/" ? "" : path));
            if (path.size() <= 1)
                break;
            path.resize(std::max<std::size_t>(path.rfind('/'), 0));
            if (path.empty())
                path = "/";
        }
    }
}

double cpu_quota() {
    double quota = std::numeric_limits<double>::infinity();
    visit_groups("", root, [&](const std::string& group) {
        const auto line = first_line(group + "/cpu.max");
        if (!line)
            return;
        std::istringstream text(*line);
        std::string allowed;
        double period = 0;
        if (text >> allowed >> period && allowed != "max" && period > 0)
            quota = std::min(quota, std::stod(allowed) / period);
    });
    visit_groups("cpu", std::string(root) + "/cpu", [&](const std::string& group) {
        const auto allowed = number(first_line(group + "/cpu.cfs_quota_us"));
        const auto period = number(first_line(group + "/cpu.cfs_period_us"));
        if (allowed && period && *period > 0)
            quota = std::min(quota, static_cast<double>(*allowed) / static_cast<double>(*period));
    });
    return quota;
}

std::uint64_t meminfo(const std::string& field) {
    std::ifstream file("/proc/meminfo");
    std::string name;
    std::uint64_t kib = 0;
    for (std::string line; std::getline(file, line);) {
        std::istringstream text(line);
        if (text >> name >> kib && name == field + ":")
            return kib * 1024;
    }
    return 0;
}

// The kernel counts cached files as used, and gives them up when memory is wanted.
std::uint64_t reclaimable(const std::string& group, const std::string& prefix) {
    std::ifstream file(group + "/memory.stat");
    std::uint64_t bytes = 0;
    std::uint64_t value = 0;
    for (std::string name; file >> name >> value;)
        for (const char* kind : {"active_file", "inactive_file", "slab_reclaimable"})
            if (name == prefix + kind)
                bytes += value;
    return bytes;
}

} // namespace

unsigned cores_available() {
    cpu_set_t set;
    unsigned cores = std::thread::hardware_concurrency();
    if (::sched_getaffinity(0, sizeof set, &set) == 0)
        cores = static_cast<unsigned>(CPU_COUNT(&set));
    const double quota = cpu_quota();
    if (quota < cores)
        cores = static_cast<unsigned>(std::ceil(quota));
    return std::max(1u, cores);
}

std::uint64_t memory_available() {
    std::uint64_t bytes = meminfo("MemAvailable");
    if (bytes == 0) // no procfs: unknown is no reason to refuse
        bytes = std::numeric_limits<std::uint64_t>::max();
    const auto restrict_to =
        [&bytes](
            const std::string& group, const char* limit, const char* usage, const char* prefix) {
            const auto allowed = number(first_line(group + limit));
            if (!allowed)
                return;
            const std::uint64_t used = number(first_line(group + usage)).value_or(0);
            const std::uint64_t held = used - std::min(used, reclaimable(group, prefix));
            bytes = std::min(bytes, *allowed - std::min(*allowed, held));
        };
    visit_groups("", root, [&](const std::string& group) {
        restrict_to(group, "/memory.max", "/memory.current", "");
    });
    visit_groups("memory", std::string(root) + "/memory", [&](const std::string& group) {
        restrict_to(group, "/memory.limit_in_bytes", "/memory.usage_in_bytes", "total_");
    });
    return bytes;
}

std::uint64_t memory_total() {
    return meminfo("MemTotal");
}

} // namespace tz
