// What a selection takes of the files of a load. Pure.
#pragma once

#include <tz/engine/item.hpp>
#include <tz/engine/selection.hpp>

#include <span>
#include <vector>

namespace tz {

/// The tensors that `selection` takes of `layouts`, which outlive the result, in the order in which
/// they are to be read. Slices are not yet cut, see cut_slices(). Throws `tz::Error`: not_found for
/// a name that no file has, usage for an `include` that matches nothing in any file, and for a
/// slice or an order of what isn't wanted.
std::vector<Item> choose_items(std::span<const format::Layout> layouts, const Selection& selection);

/// Makes slices of the items that `slices` name. `piece_bytes(item)` is asked of sealed ones.
/// `whole`: they are read whole, and handed out in part. Throws `tz::Error` (errc::usage) for
/// slices outside of a tensor's shape.
void cut_slices(
    std::span<Item> items,
    std::span<const Slice> slices,
    bool whole,
    std::size_t chunk_bytes,
    const std::function<std::uint64_t(const Item&)>& piece_bytes);

/// The tensors as they are handed out: those that are wanted, slices with their own shapes and
/// sizes, in file order.
format::Layout
handed_out(const format::Layout& layout, std::span<const Item> items, std::uint32_t source);

} // namespace tz
