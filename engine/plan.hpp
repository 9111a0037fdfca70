// The tensors of a load cut into chunks, and where they go in memory. Pure. queue.hpp deals them.
#pragma once

#include <tz/engine/alignment.hpp>
#include <tz/engine/item.hpp>
#include <tz/format/layout.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tz {

/// A part of one tensor in a chunk: its header, or a range of its data. Each tensor's header comes
/// in one chunk, with no bytes where the tensor has none: there its way through the load begins.
struct Segment {
    std::uint32_t item = 0; ///< which of the load's tensors
    bool header = false;
    format::Range range;

    bool operator==(const Segment&) const = default;
};

/// One unit of work: a contiguous range of one file and the segments in it. The range is empty
/// where there is nothing to read of any of them.
struct Chunk {
    std::uint32_t source = 0;
    format::Range body;
    std::span<const Segment> segments;

    /// Only a header can be larger than `PlanOptions::chunk_bytes`; it then comes alone.
    bool long_header = false;

    /// Its file is checked by pieces. They may have no segments.
    bool by_pieces = false;
    /// Of the first chunk of a piece: how many it has, one behind the other. One lane brings them.
    std::uint32_t piece_chunks = 0;
};

struct PlanOptions {
    /// Most bytes in a chunk (but for a long header). Large tensors are cut at its multiples in the
    /// file.
    std::size_t chunk_bytes = 4 << 20;
    /// Plain tensors are cut like sealed ones, see sealed_cut_bytes(): for whom parts must begin at
    /// multiples from the start of the data.
    bool cut_from_data = false;
    /// Headers without data.
    bool headers_only = false;
    /// By source: bytes of the pieces, counted from the start of the file, that are read whole
    /// where something of them is wanted, since their hashes are checked; 0 or missing: none.
    std::vector<std::uint64_t> piece_bytes{};
};

/// Most chunks in a plan: 64 TiB in chunks of 4 MiB. A sparse file can claim any size.
inline constexpr std::size_t chunks_max = 1 << 24;

/// Sealed data is cut at multiples of this from its start: the piece that every writer so far uses,
/// since what a file really uses stands in headers that are not read yet; less where a chunk is
/// smaller.
std::uint64_t sealed_cut_bytes(std::size_t chunk_bytes);

class Plan {
public:
    /// Deals the items in their order; those of a file with pieces in file order. Throws
    /// `tz::Error` (errc::limit) for more than `chunks_max` chunks.
    Plan(std::span<const Item> items, const PlanOptions& options);

    std::span<const Chunk> chunks() const { return chunks_; }

    /// Where `chunk` stands among them.
    std::size_t index_of(const Chunk& chunk) const {
        return static_cast<std::size_t>(&chunk - chunks_.data());
    }

    /// Bytes of the chunks that belong to no segment: what lies between wanted tensors and is read
    /// through, at most `gap_max` at a time.
    std::uint64_t gap_bytes() const;

private:
    std::vector<Segment> segments_;
    std::vector<Chunk> chunks_;
};

/// Whether a chunk holds all that is read of the item, header and data.
bool fits_one_chunk(const Item& item, format::Range data, std::size_t chunk_bytes);

/// Where tensors lie in one block of memory: each at a multiple of 64; tensors that can be read in
/// place past the page cache at a multiple of `direct_alignment`, with room up to the next one
/// behind them.
struct HostLayout {
    std::vector<std::uint64_t> offsets;
    std::uint64_t bytes = 0;
};

/// Items for which `takes_room` says no get none.
HostLayout
lay_out(std::span<const Item> items, const std::function<bool(const Item&)>& takes_room = {});

/// Of every tensor in memory of ours: what vector instructions like best.
inline constexpr std::uint64_t handed_out_alignment = 64;

/// Of a mapped tensor, since a file lies as it does: the most that its elements can ask for, which
/// is the largest power of two that divides their size.
std::uint64_t mapped_alignment(const format::DType& dtype);

/// Whether a mapping of its file can be handed out as this item.
bool maps_in_place(const Item& item);

/// Whether a direct read can put this item's data where lay_out() puts it.
bool reads_in_place(const Item& item);

} // namespace tz
