#include <tz/engine/alignment.hpp>
#include <tz/engine/piece_cut.hpp>

#include <algorithm>
#include <utility>

namespace tz {

namespace {

using format::Range;

/// Where a file's pieces are cut into chunks: at multiples of a step from the start of each.
struct Steps {
    std::uint64_t piece_bytes;
    std::uint64_t step_bytes;

    std::uint64_t piece_begin(std::uint64_t at) const { return at / piece_bytes * piece_bytes; }

    std::uint64_t begin(std::uint64_t at) const {
        const std::uint64_t piece = piece_begin(at);
        return piece + (at - piece) / step_bytes * step_bytes;
    }

    std::uint64_t end(std::uint64_t at) const {
        return std::min(begin(at) + step_bytes, piece_begin(at) + piece_bytes);
    }
};

std::vector<std::uint32_t> in_file_order(std::span<const Item> items, std::uint32_t source) {
    std::vector<std::uint32_t> order;
    for (std::size_t i = 0; i < items.size(); ++i)
        if (items[i].source == source)
            order.push_back(static_cast<std::uint32_t>(i));
    std::ranges::sort(order, {}, [&](std::uint32_t i) {
        return std::pair(items[i].header().offset, i); // of those without bytes in their order
    });
    return order;
}

/// The segments of a file, those of a chunk one behind the other.
struct Parts {
    std::vector<Segment> alone; ///< headers that no chunk of a piece holds whole
    std::vector<Segment> rest;  ///< in file order
};

Parts cut_items(std::span<const Item> items, std::uint32_t source, const Steps& steps) {
    Parts parts;
    for (const std::uint32_t index : in_file_order(items, source)) {
        const Item& item = items[index];
        const Range header = item.header();
        const bool nothing = header.bytes == 0 && item.read.bytes == 0;
        const bool whole = !nothing && header.end() <= steps.end(header.offset);
        (whole ? parts.rest : parts.alone).push_back({index, true, header});
        for_each_read(item, [&](Range range) {
            for (std::uint64_t at = range.offset; at < range.end();) {
                const std::uint64_t end = std::min(range.end(), steps.end(at));
                parts.rest.push_back({index, false, {at, end - at}});
                at = end;
            }
        });
    }
    return parts;
}

} // namespace

PieceCuts cut_by_pieces(
    std::span<const Item> items,
    std::uint32_t source,
    std::uint64_t piece_bytes,
    std::size_t chunk_bytes) {
    const Steps steps{
        piece_bytes,
        std::min<std::uint64_t>(piece_bytes, round_down(chunk_bytes, direct_alignment))};
    Parts parts = cut_items(items, source, steps);
    PieceCuts made;
    made.segments = std::move(parts.alone);
    for (std::size_t i = 0; i < made.segments.size(); ++i) {
        const Range header = made.segments[i].range;
        made.cuts.push_back({source, header, i, header.bytes > chunk_bytes, true, 0});
    }
    for (auto next = parts.rest.begin(); next != parts.rest.end();) {
        const std::uint64_t begin = steps.piece_begin(next->range.offset);
        const std::uint64_t file_bytes = items[next->item].layout->file_bytes;
        const std::uint64_t end = std::min(begin + piece_bytes, file_bytes);
        const std::size_t first = made.cuts.size();
        for (std::uint64_t at = begin; at < end; at = steps.end(at)) {
            const Range body{at, std::min(steps.end(at), end) - at};
            made.cuts.push_back({source, body, made.segments.size(), false, true, 0});
            for (; next != parts.rest.end() && next->range.offset < body.end(); ++next)
                made.segments.push_back(*next);
        }
        made.cuts[first].piece_chunks = static_cast<std::uint32_t>(made.cuts.size() - first);
    }
    return made;
}

} // namespace tz
