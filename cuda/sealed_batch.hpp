// Sealed pieces that are opened on a device together: their orders, and what came of them.
#pragma once

#include <tz/cuda/device_memory.hpp>
#include <tz/cuda/open_piece.hpp>
#include <tz/cuda/pinned_memory.hpp>
#include <tz/cuda/stream.hpp>
#include <tz/engine/memory.hpp>
#include <tz/engine/sink.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace tz::cuda {

/// Smaller pieces cost a block of threads each, and 76 bytes of orders; a CPU opens them as well.
inline constexpr std::uint64_t opened_piece_bytes_min = 4096;

/// How many pieces a part has.
std::size_t pieces_of(const SealedPart& part);

/// Orders hold keys: they are wiped on the device behind its work, and here by wipe(). Used
/// by the thread of its stream; nothing may be under way when it ends.
class SealedBatch {
public:
    /// Room for `pieces`. Throws `DeviceError`, also where the system pins no memory (errc::limit).
    SealedBatch(int device, std::size_t pieces);

    ~SealedBatch();

    SealedBatch(const SealedBatch&) = delete;
    SealedBatch& operator=(const SealedBatch&) = delete;

    std::size_t room() const { return room_; }

    int device() const { return device_; }

    std::size_t pinned_bytes() const { return pinned_.bytes(); }

    /// Adds the pieces of `part`, which come to `to`.
    void add(const SealedPart& part, std::byte* to);

    /// Enqueues the work; the pieces are enqueued before. Throws `DeviceError`.
    void enqueue(Stream& stream);

    /// Of the pieces in the order in which they were added, once the work is done.
    std::span<const std::uint32_t> fits() const { return {fits_, count_}; }

    /// Forgets the pieces, whose work is done.
    void wipe() noexcept;

private:
    int device_;
    std::size_t room_;
    std::size_t count_ = 0;
    bool on_device_ = false; ///< keys are there, or may be
    HostMemory host_;
    PinnedMemory pinned_;
    DeviceBlock block_;         ///< laid out as the host's, with sums of the work behind
    std::uint64_t longest_ = 0; ///< of the pieces added
    PieceOrder* orders_;
    std::uint32_t* fits_;
};

} // namespace tz::cuda
