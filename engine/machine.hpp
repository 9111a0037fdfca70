// What this process may use of the machine.
#pragma once

#include <cstdint>

namespace tz {

/// Cores by affinity and cgroup quota (v1 and v2), at least 1.
unsigned cores_available();

/// Bytes of memory that can still be taken: MemAvailable, less where a cgroup (v1 or v2) allows
/// less.
std::uint64_t memory_available();

/// All of the machine's memory.
std::uint64_t memory_total();

} // namespace tz
