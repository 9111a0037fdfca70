#include <tz/cuda/nodes.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

namespace tz::cuda {

namespace {

constexpr unsigned number_max = 1 << 16; ///< of CPUs and nodes; Linux has 8192 at most

std::string line_of(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

std::optional<unsigned> number_of(std::string_view text) {
    unsigned number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number >= number_max)
        return {};
    return number;
}

} // namespace

Cpus parse_cpus(std::string_view list) {
    std::set<unsigned> numbers;
    std::istringstream parts{std::string(list)};
    for (std::string part; std::getline(parts, part, ',');) {
        const auto dash = part.find('-');
        const auto first = number_of(std::string_view(part).substr(0, dash));
        const auto last =
            dash == std::string::npos ? first : number_of(std::string_view(part).substr(dash + 1));
        if (!first || !last)
            return {};
        for (unsigned number = *first; number <= *last; ++number)
            numbers.insert(number);
    }
    return {numbers.begin(), numbers.end()};
}

std::vector<unsigned> nodes_of(const std::filesystem::path& sysfs) {
    return parse_cpus(line_of(sysfs / "devices/system/node/has_memory"));
}

std::optional<unsigned> node_of(const std::filesystem::path& sysfs, std::string pci) {
    std::transform(pci.begin(), pci.end(), pci.begin(), [](unsigned char c) {
        return static_cast<char>(std::tolower(c)); // CUDA says 3B, sysfs 3b
    });
    return number_of(line_of(sysfs / "bus/pci/devices" / pci / "numa_node")); // -1: not known
}

Cpus cpus_of(const std::filesystem::path& sysfs, unsigned node) {
    return parse_cpus(
        line_of(sysfs / "devices/system/node" / ("node" + std::to_string(node)) / "cpulist"));
}

std::optional<unsigned>
memory_node(std::span<const std::optional<unsigned>> of_devices, std::size_t nodes) {
    if (nodes < 2 || of_devices.empty())
        return {};
    const bool same = std::all_of(of_devices.begin(), of_devices.end(), [&](const auto& node) {
        return node == of_devices.front();
    });
    return same ? of_devices.front() : std::nullopt;
}

Cpus near_cpus(const Cpus& allowed, const Cpus& near, std::size_t least) {
    Cpus both;
    std::set_intersection(
        allowed.begin(), allowed.end(), near.begin(), near.end(), std::back_inserter(both));
    if (both.size() == allowed.size() || both.size() < least)
        return {};
    return both;
}

} // namespace tz::cuda
