// Ranges of a load in NVIDIA's profilers (NVTX, domain "tzio"). Where no profiler listens they cost
// a call, and where this was built without the toolkit's header nvtx3 they are nothing.
#pragma once

#include <cstdint>

namespace tz::cuda {

/// From its making to its end, which may be on another thread.
class Range {
public:
    /// `name` is copied. `bytes` are shown with it.
    Range(const char* name, std::uint64_t bytes);
    ~Range();
    Range(const Range&) = delete;
    Range& operator=(const Range&) = delete;

private:
    std::uint64_t id_ = 0;
};

/// Whether this build has the header.
bool has_ranges();

} // namespace tz::cuda
