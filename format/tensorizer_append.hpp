// Adding tensors to a `.tensors` file in place. Pure, as the rest of the format.
//
// Whoever adds them keeps the file readable at every moment: first appending_mark, data and headers
// behind the last tensor, then entries, and the counts last. Until then readers see the old
// tensors.
#pragma once

#include <tz/format/tensorizer.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace tz::format {

/// The plan of `file`, as plan_file() or this function made it, with more tensors behind its last:
/// what is there keeps its place, index entries included. `options` are those of the file. Throws
/// as plan_file() does, with errc::limit where the region has no room, and errc::usage for the
/// first tensor with a dimension of 2^32 or more, which would move every entry.
Layout
plan_append(const Layout& file, std::span<const TensorSpec> tensors, const WriteOptions& options);

/// Bytes from the start of the file to the end of the last entry: behind them the region is zero.
std::uint64_t entries_end(const Layout& layout);

/// Where the version, the flags and the counts stand: all that changes before the entries when
/// tensors are added.
inline constexpr Range counts_field{5, 60};

/// A field of the file header that is zero, and that other readers never look at. While
/// `appending_mark` stands there, entries behind those that the header counts are no damage: they
/// are of tensors that are being added, or were when somebody stopped.
inline constexpr Range reserved_field{49, 8};
inline constexpr std::array<std::byte, 8> appending_mark{
    std::byte{'t'},
    std::byte{'z'},
    std::byte{'a'},
    std::byte{'p'},
    std::byte{'p'},
    std::byte{'e'},
    std::byte{'n'},
    std::byte{'d'}};

} // namespace tz::format
