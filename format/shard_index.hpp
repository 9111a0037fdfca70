// The list of the files that a model is cut into, as `*.safetensors.index.json` has it: for each
// tensor the file, a shard, that holds it. Pure.
#pragma once

#include <tz/format/layout.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tz::format {

/// Largest list that is read; those of the largest real models take some MB.
inline constexpr std::uint64_t shard_index_bytes_max = 64 << 20;
/// Most shards: each is a file held open. The largest real models have a few hundred.
inline constexpr std::size_t shards_max = 10'000;

struct ShardIndex {
    struct Entry {
        std::string tensor;  ///< its name as `Tensor::name` has it
        std::uint32_t shard; ///< its place in `shards`
    };

    std::vector<std::string> shards; ///< names of files beside the list, sorted, each once
    std::vector<Entry> tensors;      ///< sorted by name
};

/// Throws `tz::Error` (format, or limit for more than our limits), with the byte offset, for what
/// is no such list, names a tensor twice, or has a shard whose name is no plain name of a file:
/// nothing outside of the list's folder is ever opened.
ShardIndex parse_shard_index(std::span<const std::byte> text);

/// Throws `tz::Error` (errc::format) unless the shards, in the order of the list, hold what it says
/// and nothing else.
void check_shards(const ShardIndex& index, std::span<const Layout> shards);

} // namespace tz::format
