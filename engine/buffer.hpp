// Where a read puts its bytes, and the staging memory of all lanes.
#pragma once

#include <tz/engine/memory.hpp>

#include <atomic>
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

/// Staging memory cut into equal page-aligned buffers. Reserved at once, touched when a lane first
/// stages something. A buffer is used by one loop's thread at a time.
class Arena {
public:
    Arena(std::size_t buffers, std::size_t buffer_bytes);

    std::size_t size() const { return states_.size(); }

    std::span<std::byte> bytes(std::size_t index) const;
    /// Bytes of the buffers that are in use.
    std::size_t touched_bytes() const;

    void set_touched(std::size_t index);

    /// The kernel has its pages by their place in memory, for good.
    void set_pinned(std::size_t index) { states_[index] = State::pinned; }

    /// Gives the memory of the buffers from `index` on back to the system, as if they had never
    /// been touched, but for pinned ones. While nobody uses them.
    void release_from(std::size_t index);

private:
    enum class State : char { untouched, touched, pinned };

    std::size_t buffer_bytes_;
    HostMemory memory_;
    std::vector<std::atomic<State>> states_;
};

} // namespace tz
