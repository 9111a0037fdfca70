// Writing safetensors files: the header, and where everything goes. Pure: no I/O, no threads.
#pragma once

#include <tz/format/layout.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tz::format {

/// A tensor to be written.
struct SafetensorsSpec {
    std::string name;  ///< UTF-8, as readers will see it
    std::string dtype; ///< as the format spells it: "F32", "BF16"
    std::vector<std::uint64_t> shape;
    std::uint64_t bytes = 0; ///< elements x element size
};

struct SafetensorsOptions {
    /// What the file says about itself (`__metadata__`): names and texts, in UTF-8.
    std::vector<std::pair<std::string, std::string>> metadata;
    /// The first tensor's data begins at a multiple of this, by blanks behind the header: a power
    /// of two, from the format's 8 to 1 MiB. 4096 lets reads past the page cache go where the
    /// tensors belong.
    std::uint64_t alignment = 4096;
};

struct SafetensorsPlan {
    std::vector<std::byte> header;  ///< the bytes before the tensors' data
    Layout layout;                  ///< the tensors in the order of their data
    std::vector<std::size_t> order; ///< which spec each of these is
};

/// The format leaves no room between tensors. So those come first whose sizes are multiples of
/// 4096, then those of 2048, and so on, each kind in the order of the specs: every tensor begins at
/// a multiple of the power of two that its size is a multiple of (up to 4096), as far as
/// `alignment` goes. Nearly all weights are aligned then, and every element is. Throws `tz::Error`:
/// errc::usage for what no reader could take, errc::limit for what is above a limit of ours.
SafetensorsPlan
plan_safetensors(std::span<const SafetensorsSpec> tensors, const SafetensorsOptions& options = {});

/// Which specs go into which file: as many in a row as fit into `bytes_max` of data; one that is
/// larger has a file of its own. At least one file.
std::vector<std::span<const SafetensorsSpec>>
split_into_shards(std::span<const SafetensorsSpec> tensors, std::uint64_t bytes_max);

/// The name of a shard: "model-00002-of-00005.safetensors" of "model.safetensors".
std::string shard_name(const std::string& file, std::size_t number, std::size_t count);

/// The name of their list: "model.safetensors.index.json".
std::string shard_list_name(const std::string& file);

/// The list of shards ("*.safetensors.index.json") as the Hugging Face Hub's own writer has it:
/// `names` of the files that hold `shards`.
std::string write_shard_index(
    std::span<const std::span<const SafetensorsSpec>> shards, std::span<const std::string> names);

} // namespace tz::format
