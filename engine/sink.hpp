// Where the bytes of a load go, when that isn't memory of the host: another file, a device.
#pragma once

#include <tz/engine/async.hpp>
#include <tz/engine/item.hpp>
#include <tz/format/tensorizer.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tz {

namespace format {
struct Seal;
class Secret;
} // namespace format

class Loop;

/// Of a tensor, on its way to a sink.
struct Part {
    std::uint32_t item;   ///< which of the load's
    std::uint64_t offset; ///< bytes into what is handed out of it
    std::span<std::byte> bytes;
};

/// Sealed data of a tensor as it came: whole pieces, which stay as they are.
struct SealedPart : Part {
    const format::Seal* seal;
    std::uint64_t first_piece; ///< of `seal`
    const format::Secret* key;
};

/// Given to a load by `LoadOptions::sink`, which calls it in this order: begin(), open(), then for
/// each tensor put() as often as it has parts and complete() once, with a stage() before each read,
/// and at last close(); or abandon(), once, if anything failed from begin() on. Then no other call
/// is under way or follows. Serves one load, and outlives it. What it throws ends the load and
/// comes out of load().
///
/// Coroutines run on the thread of `loop`, which they must not hold up; put() and complete() of
/// several lanes run at once, on all loops.
class Sink {
public:
    Sink() = default;
    virtual ~Sink() = default;
    Sink(const Sink&) = delete;
    Sink& operator=(const Sink&) = delete;

    /// Whether it does something with a tensor's bytes in their order. Then several tensors are
    /// under way at once.
    virtual bool in_order() const { return false; }

    /// Whether parts must begin at multiples of begin()'s `cut_bytes` in their tensor's data. Where
    /// they need not, chunks are cut so that direct reads don't overlap.
    virtual bool cuts_from_data() const { return true; }

    /// How many lanes files should have, at least, to keep it busy; 0: as many as without it.
    virtual unsigned file_lanes() const { return 0; }

    /// How many of a machine's cores are to work for the load, where the caller left that open.
    /// `computing`: data is hashed or decrypted on the way, and not only read.
    virtual unsigned workers_max(unsigned cores, bool computing) const;

    /// The tensors that come, in the order in which they are dealt, before any data is read. Stay
    /// as long as the load. Where cuts_from_data(), a part begins at a multiple of `cut_bytes`
    /// of its tensor's data, but for slices. On the thread that called load().
    virtual void begin(std::span<const Item> items, std::uint64_t cut_bytes) = 0;

    virtual awaitable<void> open(Loop& loop);

    /// `memory` is the staging of a lane, which is about to read into it. The same piece comes
    /// before each read, and is there until close() or abandon().
    virtual awaitable<void> stage(Loop& loop, std::span<std::byte> memory);

    /// What items[item] says about itself, before anything of it is put; gone when it returns. On a
    /// loop.
    virtual void take_header(std::uint32_t item, const format::TensorHeader& header);

    /// Parts of tensors, decrypted where they were sealed; hashes of whole tensors may have yet to
    /// be compared. The bytes, which may be overwritten, are the lane's until it ends. Each byte of
    /// a tensor comes once, its parts in any order and side by side: but what stands before a part
    /// in its tensor is with another lane already, and may be waited for. Tensors without bytes get
    /// none, and neither do meta tensors, whose bytes are zeros that no file holds.
    virtual awaitable<void> put(Loop& loop, std::span<const Part> parts) = 0;

    /// Whether it opens sealed data itself, of pieces of this size. Asked on a loop.
    virtual bool opens_seals(std::uint64_t piece_bytes) const;

    /// Parts of tensors to be opened and kept. By part, whether the MACs of all its pieces fit;
    /// what is refused here comes by put() after all, or ends the load. As put() otherwise.
    virtual awaitable<std::vector<bool>> open_sealed(Loop& loop, std::span<const SealedPart> parts);

    /// All of these was put, and fits its hashes.
    virtual awaitable<void> complete(Loop& loop, std::span<const std::uint32_t> items);

    /// What was put of the tensor was damaged on its way from a server, and will come once more. No
    /// put() of it is under way. False where it is too late for that. On a loop.
    virtual bool restart(std::uint32_t item);

    /// All tensors are complete, and the sources are what they were.
    virtual awaitable<void> close(Loop& loop);

    /// Lets go of what was put, in bounded time. What waits for others, as for a server, has given
    /// that up by `until`. Throws nothing but std::bad_alloc.
    virtual awaitable<void> abandon(Loop& loop, std::chrono::steady_clock::time_point until);
};

} // namespace tz
