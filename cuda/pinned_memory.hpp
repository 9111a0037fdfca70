// Memory of the host that devices copy from by themselves. It stays its owner's.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>

namespace tz::cuda {

/// Pieces of memory that are pinned for all devices as long as this lives. Thread-safe.
class PinnedMemory {
public:
    /// For copies to `device` and others. Whoever pins and unpins talks to it from then on.
    explicit PinnedMemory(int device = 0) : device_(device) {}

    /// Unpins; no copy may be under way.
    ~PinnedMemory();
    PinnedMemory(const PinnedMemory&) = delete;
    PinnedMemory& operator=(const PinnedMemory&) = delete;

    /// Has what is pinned from now on near the devices: on this node of the machine's memory.
    void stay_on(std::optional<unsigned> node) { node_ = node; }

    /// Whether this very piece was asked for before, with success or not.
    bool knows(std::span<const std::byte> memory) const;

    /// Makes the pages of `memory` present and pins them; takes a while, so a worker calls it.
    /// False where the system refuses: copies from there then go through memory of the driver's.
    bool pin(std::span<std::byte> memory);

    /// Whether all of `memory` lies in a pinned piece.
    bool covers(std::span<const std::byte> memory) const;

    /// Of all pinned pieces.
    std::size_t bytes() const;

    /// Unpins everything.
    void release() noexcept;

private:
    struct Piece {
        std::size_t bytes;
        bool pinned;
    };

    using Pieces = std::map<const std::byte*, Piece, std::less<>>; ///< by where they begin

    std::optional<unsigned> node_;
    mutable std::mutex mutex_;
    Pieces pieces_;
    const int device_; ///< else the driver would make a context on the first one of all
};

} // namespace tz::cuda
