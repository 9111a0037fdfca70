// Threads and memory near devices, on machines whose memory has several nodes. On others nothing is
// changed, and where the system refuses, nothing is either.
#pragma once

#include <tz/cuda/nodes.hpp>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>

namespace tz::cuda {

/// Of the machine; tests give others.
struct NearOptions {
    std::filesystem::path sysfs = "/sys";
    std::size_t cpus_min = near_cpus_min;
};

/// The calling thread stays on the CPUs near these devices while this lives, and threads that it
/// makes stay there for good: make an Engine here. Changes nothing where fewer than 8 are near, or
/// sysfs doesn't know the devices' nodes. Throws nothing of CUDA: the load says what is wrong.
class StayNear {
public:
    explicit StayNear(std::span<const int> devices, const NearOptions& options = {});
    /// On the thread that made it.
    ~StayNear();
    StayNear(const StayNear&) = delete;
    StayNear& operator=(const StayNear&) = delete;

    /// Where it stays; empty where nothing was changed.
    const Cpus& cpus() const { return cpus_; }

private:
    Cpus before_;
    Cpus cpus_;
};

/// Which node the memory should be on that these devices copy from; none where it doesn't matter or
/// isn't known.
std::optional<unsigned>
memory_node_of(std::span<const int> devices, const NearOptions& options = {});

/// Has the pages of `memory`, there or yet to come, on this node, as long as it has room. False
/// where the system refuses.
bool bind_to_node(std::span<std::byte> memory, unsigned node) noexcept;

} // namespace tz::cuda
