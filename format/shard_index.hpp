// The list of the files that a model is cut into, as `*.safetensors.index.json` has it: for each
// tensor the file, a shard, that holds it. Pure.
#pragma once

#include <tz/format/layout.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tz::format {

/// Largest list that is read; those of the largest real models take some MB.
inline constexpr std::uint64_t shard_index_bytes_max = 64 << 20;
/// Most shards: each is a file held open. The largest real models have a few hundred.
inline constexpr std::size_t shards_max = 10'000;

struct ShardIndex {
    /// A tensor. Small, since a list may have millions.
    struct Entry {
        std::uint32_t name_at;    ///< in `names`
        std::uint32_t name_bytes; ///< in `names`
        std::uint32_t shard;      ///< its place in `shards`
        std::uint32_t at;         ///< its name's place in the list
    };

    std::vector<std::string> shards; ///< names of files beside the list, sorted, each once
    std::string names;               ///< of all tensors
    std::vector<Entry> tensors;      ///< sorted by name

    /// As `Tensor::name` has it.
    std::string_view name(const Entry& entry) const {
        return std::string_view(names).substr(entry.name_at, entry.name_bytes);
    }
};

/// Throws `tz::Error` (format, or limit for more than our limits), with the byte offset, for what
/// is no such list, names a tensor twice, or has a shard whose name is no plain name of a file:
/// nothing outside of the list's folder is ever opened.
ShardIndex parse_shard_index(std::span<const std::byte> text);

/// Throws `tz::Error` (errc::format) unless the shards, in the order of the list, hold what it says
/// and nothing else.
void check_shards(const ShardIndex& index, std::span<const Layout> shards);

} // namespace tz::format
