// Where a read puts its bytes, and the staging memory of one loop.
#pragma once

#include <tz/engine/memory.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace tz {

/// A piece of memory that a read fills. Does not own it.
struct Buffer {
    std::span<std::byte> bytes;
    int index = -1;     ///< under which the loop's ring knows the memory, or -1
    bool fresh = false; ///< not touched yet: whoever fills it lets a worker touch it first
};

/// Staging memory cut into equal page-aligned buffers, one a lane. Reserved at once, touched when a
/// lane first stages something. Used by its loop's thread only.
class Arena {
public:
    Arena(std::size_t buffers, std::size_t buffer_bytes);

    std::size_t size() const { return touched_.size(); }

    std::span<std::byte> bytes(std::size_t index) const;
    /// Bytes of the buffers that were ever used.
    std::size_t touched_bytes() const;

    void set_touched(std::size_t index) { touched_[index] = true; }

private:
    std::size_t buffer_bytes_;
    HostMemory memory_;
    std::vector<bool> touched_;
};

} // namespace tz
