// The CPU steps on a chunk's bytes: parse headers, copy, verify, decrypt, hash. They run on
// workers; the lanes see to the order. Nothing here reads, waits or knows of coroutines.
#pragma once

#include <tz/engine/gate.hpp>
#include <tz/engine/memory.hpp>
#include <tz/engine/meter.hpp>
#include <tz/engine/options.hpp>
#include <tz/engine/plan.hpp>
#include <tz/format/error.hpp>
#include <tz/format/hash.hpp>
#include <tz/format/tensorizer.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace tz {

/// Which hashes of a tensor are checked.
struct Checks {
    bool crc32 = false;
    bool sha256 = false;
};

/// Throws `tz::Error` (errc::integrity) where hashes are asked for of a file whose format has none.
void check_hashes_exist(const format::Layout& layout, const LoadOptions& options);

/// What `verify` means for a tensor with this header. Throws `tz::Error` (errc::integrity) where a
/// hash was asked for and is missing.
Checks
choose_checks(Verify verify, const format::TensorHeader& header, const format::Tensor& tensor);

/// Whether every chunk of a sealed item holds whole pieces. Chunks of sealed data are cut at
/// multiples of the usual piece, or of the largest power of two in a smaller chunk.
bool tiles(const Item& item, std::uint64_t piece_bytes, std::size_t chunk_bytes);

/// What the lanes of a load know of one tensor while its chunks arrive. The header and what follows
/// from it are written before the gate's value 1 is reached and only read after it. The streams
/// belong to the chunk whose turn it is.
struct Arrival {
    /// Values of `gate`: 0, the header is not known; 1 + n, it is, and the first n bytes of the
    /// data are hashed (where they are hashed in order at all).
    Gate gate;
    std::span<std::byte> destination; ///< of what is handed out; empty: nowhere
    format::TensorHeader header;
    Checks checks;
    /// Sealed in pieces that chunks don't hold whole: ciphertext is gathered and opened when all of
    /// it has arrived; in the destination, or in `scratch` where that is none or another slice.
    bool gathered = false;
    std::unique_ptr<HostMemory> scratch;
    std::atomic<std::uint64_t> ungathered = 0;
    std::atomic<std::uint64_t> missing = 0; ///< header and data bytes not yet through all steps
    std::atomic<format::Crc32> crc32 = 0;   ///< XOR of the shares of what is through
    // not in place: where nothing is hashed in order, hundreds of thousands of them take room
    std::unique_ptr<format::Sha256Stream> sha256; ///< of header and data, against the stored one
    std::unique_ptr<format::Sha256Stream> digest; ///< of the data alone, for the caller
    format::Sha256 digest_value{};
    format::Sha256 header_digest{}; ///< where it was asked for

    bool hashed_in_order() const { return sha256 != nullptr || digest != nullptr; }
};

/// A sealed piece whose MAC does not fit.
struct DamagedPiece {
    Error error;
    std::uint64_t offset;       ///< in the file
    std::span<std::byte> bytes; ///< as they came, and where they may come again
};

/// How far the data of one segment is. Nothing of it counts before Transform::count().
struct Taken {
    bool done = false;
    std::span<std::byte> plain; ///< empty when its tensor is gathered and not complete
    format::Crc32 crc32 = 0;    ///< its share
    bool gathered = false;      ///< its bytes lie with those of its tensor
    std::uint64_t opened = 0;   ///< bytes of whole pieces: of it, or of the gathered tensor
};

/// What one load asks of its transforms. Shared by all lanes; constant but for the arrivals.
struct Transform {
    std::span<const Item> items;
    const LoadOptions& options;
    std::span<Arrival> arrivals; ///< by item
    std::size_t chunk_bytes;     ///< that the plan was cut with
    bool headers_only;

    /// Parses the tensor's header from `bytes`, of which there are none where it has no header. The
    /// lane opens the gate.
    void take_header(std::uint32_t item, std::span<const std::byte> bytes) const;

    /// Brings `bytes`, the segment's range of the file, to the item's destination: copied, or
    /// opened with `key` if sealed, and CRC-32 taken on the way. `bytes` may be the destination
    /// itself, and may be overwritten. `taken` says how far it came. Where it ends with a damaged
    /// piece, another call goes on with that one.
    std::optional<DamagedPiece> take_data(
        const Segment& segment,
        std::span<std::byte> bytes,
        const format::Secret* key,
        Taken& taken,
        JobTimes& times) const;

    /// Adds what continues the item's hashes with `plain`; to be hashed in the order of its data.
    void list_hashes(
        std::uint32_t item,
        std::span<const std::byte> plain,
        std::vector<format::Sha256Part>& parts) const;

    /// Counts `bytes`, whose CRC-32 has the share `crc32`, as through. True at the last ones: then
    /// the item is the caller's alone, who settles it.
    bool count(std::uint32_t item, std::uint64_t bytes, format::Crc32 crc32) const;

    /// Compares the hashes of an item that is through, and ends its streams. What does not fit;
    /// then the item may come once more, its header first.
    std::optional<Error> settle(std::uint32_t item) const;

private:
    bool
    gather(const Segment& segment, std::span<std::byte> bytes, Taken& taken, JobTimes& times) const;
};

} // namespace tz
