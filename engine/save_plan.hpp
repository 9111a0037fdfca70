// Where the tensors of a load go in new files. Pure.
#pragma once

#include <tz/engine/item.hpp>
#include <tz/format/float_cast.hpp>
#include <tz/format/layout.hpp>
#include <tz/format/tensorizer.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tz {

/// How tensors are written.
struct OutputOptions {
    format::FileFormat format = format::FileFormat::tensors;
    format::WriteOptions tensors; ///< of `.tensors` files
    /// Of safetensors files: the first tensor's data begins at a multiple of this.
    std::uint64_t alignment = 4096;
    /// What safetensors files say about themselves, beside what the sources say.
    std::vector<std::pair<std::string, std::string>> metadata;
    /// Most bytes of data in a file, but for a tensor that is larger by itself. More files than one
    /// have a number in their names: "NAME-00001-of-00003.safetensors" with a list beside them,
    /// "NAME-001.tensors".
    std::optional<std::uint64_t> shard_bytes_max;
    /// What float16, bfloat16, float32 and float64 become.
    std::optional<format::FloatType> floats;
};

/// One new file.
struct PlannedFile {
    std::string name;            ///< a path or URI
    format::Layout layout;       ///< with all ranges
    std::vector<std::byte> head; ///< the bytes before the first tensor
};

/// Where one tensor of the load goes.
struct PlannedTensor {
    std::uint32_t file = 0;
    std::uint32_t place = 0;                   ///< in its layout
    std::optional<std::uint16_t> module_index; ///< else the one of the file it comes from
    std::optional<std::pair<format::FloatType, format::FloatType>> cast; ///< from, to
};

struct SavePlan {
    std::vector<PlannedFile> files;     ///< the list of shards, which has no tensors, comes last
    std::vector<PlannedTensor> tensors; ///< by item
    std::vector<std::string> lost;      ///< what the format can't hold, for people
    std::uint64_t piece_bytes = 0;      ///< of sealed data
};

/// Plans files named after `destination` for `items`, in the order of their files, whatever order
/// they are dealt in. `cut_bytes`: parts of a tensor that come separately begin at its multiples.
/// Throws `tz::Error`: unsupported for a dtype that the format lacks, usage for names that occur
/// twice.
SavePlan plan_save(
    std::span<const Item> items,
    const std::string& destination,
    const OutputOptions& options,
    std::uint64_t cut_bytes);

} // namespace tz
