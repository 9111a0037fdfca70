// Cuts the part of a plan whose file is checked by the pieces that its manifest lists. Pure.
#pragma once

#include <tz/engine/item.hpp>
#include <tz/engine/plan.hpp>
#include <tz/format/layout.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tz {

/// A Chunk while its plan is made.
struct Cut {
    std::uint32_t source = 0;
    format::Range body;
    std::size_t first = 0; ///< of its segments
    bool long_header = false;
    bool by_pieces = false;
    std::uint32_t piece_chunks = 0;
};

/// The cuts of one file, with places of segments counted from 0.
struct PieceCuts {
    std::vector<Cut> cuts;
    std::vector<Segment> segments;
};

/// Cuts what is wanted of the file `source` in file order, whatever order the items are in: all of
/// each piece that has data of an item, in chunks one behind the other. A header that does not lie
/// within one of these chunks comes in a chunk of its own before them.
PieceCuts cut_by_pieces(
    std::span<const Item> items,
    std::uint32_t source,
    std::uint64_t piece_bytes,
    std::size_t chunk_bytes);

} // namespace tz
