#include <tz/engine/block_edges.hpp>

#include <algorithm>
#include <cassert>

namespace tz {

std::unique_ptr<Block> BlockEdges::add(std::span<const std::byte> bytes, std::uint64_t offset) {
    const std::uint64_t begin = round_down(offset, direct_alignment);
    const std::uint64_t place = offset - begin;
    assert(place + bytes.size() <= direct_alignment);
    const std::lock_guard lock(mutex_);
    Edge& edge = edges_[begin];
    if (!edge.block)
        edge.block = std::make_unique<Block>();
    std::ranges::copy(bytes, edge.block->bytes.data() + place);
    edge.filled += bytes.size();
    if (edge.filled < std::min<std::uint64_t>(direct_alignment, file_bytes_ - begin))
        return nullptr;
    return std::move(edges_.extract(begin).mapped().block);
}

bool BlockEdges::empty() const {
    const std::lock_guard lock(mutex_);
    return edges_.empty();
}

} // namespace tz
