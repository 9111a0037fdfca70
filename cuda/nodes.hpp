// The nodes of a machine's memory (NUMA): on which one devices hang, and which CPUs are there.
// Reads sysfs, below a folder that tests give; decides nothing for a machine of one node. Any
// thread.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tz::cuda {

using Cpus = std::vector<unsigned>; ///< in order, each once

/// The numbers in a list as sysfs writes it, "0-3,8". Empty where it is none. Pure.
Cpus parse_cpus(std::string_view list);

/// The nodes that the machine has.
std::vector<unsigned> nodes_of(const std::filesystem::path& sysfs);

/// The node of a PCI device, "0000:3B:00.0"; none where sysfs knows none.
std::optional<unsigned> node_of(const std::filesystem::path& sysfs, std::string pci);

Cpus cpus_of(const std::filesystem::path& sysfs, unsigned node);

/// Where the memory should be that these devices copy from, whose nodes are given: the one node
/// that all hang on. None where they differ, one isn't known, or the machine has no other. Pure.
std::optional<unsigned>
memory_node(std::span<const std::optional<unsigned>> of_devices, std::size_t nodes);

/// Fewer cores than this don't fill a device's bus from the page cache (docs/performance.md): then
/// those far away help more than they cost.
inline constexpr std::size_t near_cpus_min = 8;

/// Which of the CPUs that are `allowed` threads should stay on, where `near` are those of the
/// devices' nodes. Empty: on all, since none of the others is far away, or too few are near. Pure.
Cpus near_cpus(const Cpus& allowed, const Cpus& near, std::size_t least = near_cpus_min);

} // namespace tz::cuda
