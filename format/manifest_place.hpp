// Where a manifest stands in a `.tensors` file: in the last bytes of the metadata region, behind
// the entries. Pure.
#pragma once

#include <tz/format/layout.hpp>
#include <tz/format/manifest.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace tz::format {

/// The range that a manifest takes of `index`, the bytes before the first tensor, by what its last
/// bytes say: whether it is one, parse_manifest() finds out. None where there is none.
std::optional<Range> find_manifest(std::span<const std::byte> index);

/// `index` with zeros in place of the manifest, as the file was before it was added.
std::vector<std::byte> without_manifest(std::span<const std::byte> index, Range manifest);

/// Where a manifest of `bytes` goes: the end of `unused`, what entries leave of a region. Throws
/// `tz::Error` (errc::limit) where it does not fit.
Range place_manifest(Range unused, std::uint64_t bytes);

/// One step of putting a manifest into a file: to be written, and made durable, before the next.
struct RegionWrite {
    std::uint64_t offset = 0;
    std::vector<std::byte> bytes;
};

/// The steps that put `manifest` (its bytes; empty: none) in place of one that takes `old` at the
/// end of the region. At each moment between them the last bytes of the region tell of a range that
/// holds all that is not zero, so that readers who want no manifest can read the file; ones that
/// do refuse it until the last step.
std::vector<RegionWrite>
manifest_steps(Range unused, std::optional<Range> old, std::span<const std::byte> manifest);

} // namespace tz::format
