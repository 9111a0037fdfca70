#include <tz/cuda/near.hpp>

#include <climits>
#include <cuda_runtime_api.h>

#include <algorithm>
#include <array>
#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

namespace tz::cuda {

namespace {

/// Empty where CUDA doesn't say. Leaves no error behind, and takes none away.
std::string pci_of(int device) {
    std::array<char, 32> pci{};
    if (cudaPeekAtLastError() != cudaSuccess)
        return {};
    if (cudaDeviceGetPCIBusId(pci.data(), pci.size(), device) != cudaSuccess) {
        cudaGetLastError();
        return {};
    }
    return pci.data();
}

std::vector<std::optional<unsigned>>
nodes_of_devices(std::span<const int> devices, const std::filesystem::path& sysfs) {
    std::vector<std::optional<unsigned>> nodes;
    nodes.reserve(devices.size());
    for (const int device : devices) {
        const std::string pci = pci_of(device);
        nodes.push_back(pci.empty() ? std::nullopt : node_of(sysfs, pci));
    }
    return nodes;
}

Cpus allowed_cpus() {
    cpu_set_t set;
    Cpus cpus;
    if (::sched_getaffinity(0, sizeof set, &set) != 0)
        return cpus;
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(cpu, &set))
            cpus.push_back(cpu);
    return cpus;
}

bool allow(const Cpus& cpus) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const unsigned cpu : cpus)
        CPU_SET(cpu, &set);
    return ::sched_setaffinity(0, sizeof set, &set) == 0;
}

/// Of all nodes that devices hang on; empty where one isn't known.
Cpus cpus_near(std::span<const int> devices, const std::filesystem::path& sysfs) {
    Cpus cpus;
    for (const auto& node : nodes_of_devices(devices, sysfs)) {
        if (!node)
            return {};
        const Cpus of_node = cpus_of(sysfs, *node);
        cpus.insert(cpus.end(), of_node.begin(), of_node.end());
    }
    std::sort(cpus.begin(), cpus.end());
    cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
    return cpus;
}

} // namespace

StayNear::StayNear(std::span<const int> devices, const NearOptions& options) {
    if (nodes_of(options.sysfs).size() < 2)
        return;
    before_ = allowed_cpus();
    cpus_ = near_cpus(before_, cpus_near(devices, options.sysfs), options.cpus_min);
    if (!cpus_.empty() && !allow(cpus_))
        cpus_.clear();
}

StayNear::~StayNear() {
    if (!cpus_.empty())
        allow(before_);
}

std::optional<unsigned> memory_node_of(std::span<const int> devices, const NearOptions& options) {
    const std::size_t nodes = nodes_of(options.sysfs).size();
    if (nodes < 2)
        return {};
    return memory_node(nodes_of_devices(devices, options.sysfs), nodes);
}

bool bind_to_node(std::span<std::byte> memory, unsigned node) noexcept {
    constexpr unsigned bits = sizeof(unsigned long) * CHAR_BIT;
    std::array<unsigned long, 16> mask{}; // of 1024 nodes, as many as Linux has at most
    if (node >= bits * mask.size())
        return false;
    mask[node / bits] = 1ul << (node % bits);
    // the kernel takes the last of the bits that it is told of for one too many
    return ::syscall(
               SYS_mbind,
               memory.data(),
               memory.size(),
               MPOL_PREFERRED,
               mask.data(),
               bits * mask.size() + 1,
               MPOL_MF_MOVE) == 0;
}

} // namespace tz::cuda
