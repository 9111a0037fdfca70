// Where tensors stand in a file that is being planned.
#pragma once

#include <tz/format/tensorizer.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace tz::format {

/// Throws `tz::Error` (errc::usage).
void check_options(const WriteOptions& options);

/// What entries leave free at the end of the region for the index. No overflow: checked options,
/// and no more tensors than there is memory for.
std::uint64_t reserved_bytes(std::size_t tensors, const WriteOptions& options);

/// What the entries take in the index.
std::uint64_t entries_bytes(std::span<const Tensor> tensors);

/// Puts the tensors at `offset`, one behind the other; returns where the last one ends.
std::uint64_t place(std::span<Tensor> tensors, std::uint64_t offset, const WriteOptions& options);

} // namespace tz::format
