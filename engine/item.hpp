// One tensor of a load, or the slice of it that is wanted, and which bytes of the file that takes.
// Pure.
#pragma once

#include <tz/format/layout.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace tz {

/// Ranges this far apart are still one read; a seek costs more than the bytes between.
inline constexpr std::uint64_t gap_max = 64 << 10;

/// Equal runs of bytes at equal distances: what a slice takes of a tensor's data.
struct Runs {
    std::uint64_t offset = 0;   ///< of the first run in the data
    std::uint64_t bytes = 0;    ///< of each run
    std::uint64_t distance = 0; ///< from the start of one to the start of the next
    std::uint64_t count = 0;

    std::uint64_t total() const { return bytes * count; }

    std::uint64_t end() const {
        return count == 0 ? offset : offset + distance * (count - 1) + bytes;
    }

    bool operator==(const Runs&) const = default;
};

/// Whether the indices `begin` up to `end` of one dimension are whole bytes wherever they are:
/// elements of less than a byte are packed.
bool takes_whole_bytes(
    const format::Tensor& tensor, std::size_t dimension, std::uint64_t begin, std::uint64_t end);

/// The bytes of the indices `begin` up to `end` of one dimension. They are within the shape, which
/// the parser has checked, and whole bytes.
Runs runs_of(
    const format::Tensor& tensor, std::size_t dimension, std::uint64_t begin, std::uint64_t end);

/// Copies what belongs to the runs from `data`, which stands `position` bytes into the tensor's
/// data, to its place in `to`, which holds all runs one behind the other. Returns the bytes copied.
std::uint64_t copy_runs(
    const Runs& runs,
    std::uint64_t position,
    std::span<const std::byte> data,
    std::span<std::byte> to);

/// A part of the runs: where it stands in some data, and where when they lie one behind the other.
struct RunPart {
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    std::uint64_t bytes = 0;
};

/// Moves what belongs to the runs to the front of `data`, which stands `position` bytes into the
/// tensor's data; from there it goes to one place.
RunPart gather_runs(const Runs& runs, std::uint64_t position, std::span<std::byte> data);

/// What a load wants of one tensor. Refers to the layouts of the load, which outlive it.
struct Item {
    const format::Layout* layout = nullptr; ///< of the file it is in
    const format::Tensor* tensor = nullptr; ///< as the index lists it
    std::uint32_t source = 0;               ///< which file
    std::uint32_t place = 0;                ///< in file order among the wanted tensors of the file
    std::uint64_t bytes = 0;                ///< handed out
    bool slice = false;                     ///< not all of its data is wanted
    bool whole = true;                      ///< all of its data is read
    bool apart = false;                     ///< the runs are read one by one
    Runs runs;                              ///< what is wanted of its data
    format::Range read;                     ///< of the file, from the first byte read to the last
    std::uint64_t unit = 1;                 ///< reads begin and end at its multiples in the data
    std::size_t dimension = 0;              ///< of a slice: which one is cut,
    std::uint64_t extent = 0;               ///< and how many of its indices are left

    /// The tensor's own header. Where it has none: no bytes, right before those that are read.
    format::Range header() const {
        return tensor->header.bytes > 0 ? tensor->header : format::Range{read.offset, 0};
    }

    /// Whether the bytes read are the bytes handed out, in order.
    bool linear() const { return read.bytes == runs.total() && runs.count <= 1; }
};

/// All of a tensor.
Item whole_item(const format::Layout& layout, const format::Tensor& tensor, std::uint32_t source);

/// Makes it the slice of `runs`, of which only what is needed is read: whole multiples of `unit`
/// from the start of its data (the pieces of sealed data; else 1). Runs far apart are read one by
/// one where `may_be_apart`.
void take_slice(Item& item, const Runs& runs, std::uint64_t unit, bool may_be_apart);

/// Calls `use` with each range of the file that is read for the item's data, in order.
void for_each_read(const Item& item, const std::function<void(format::Range)>& use);

/// The tensor as it is handed out: a slice with its own shape and size.
format::Tensor handed_out(const Item& item);

/// Bytes of data that are read.
std::uint64_t read_bytes(const Item& item);

} // namespace tz
