// Writing safetensors files, one or a model in shards.
#pragma once

#include <tz/format/safetensors_write.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tz {

/// A tensor in the caller's memory, which is only read and must stay until save_safetensors()
/// returns.
struct SafetensorsView {
    format::SafetensorsSpec spec;
    std::span<const std::byte> data; ///< spec.bytes long
};

struct SaveSafetensorsOptions {
    format::SafetensorsOptions file; ///< each shard has the same metadata
    /// Most bytes of data in a file, but for a tensor that is larger by itself. Where the tensors
    /// don't fit, they go to shards in their order, "NAME-00001-of-00003.safetensors" beside
    /// `path`, and the list of these to "NAME.safetensors.index.json".
    std::optional<std::uint64_t> shard_bytes_max;
};

/// Writes `path`, or its shards and their list, and gives the paths of what was written, the list
/// last. Each file is written under a temporary name beside its own and made durable; they get
/// their names when all of them are, the list last: a crash right then can leave new shards beside
/// an old list, which loads refuse where it doesn't fit them. Throws `tz::Error`; then no temporary
/// file is left. Blocks.
std::vector<std::string> save_safetensors(
    const std::string& path,
    std::span<const SafetensorsView> tensors,
    const SaveSafetensorsOptions& options = {});

} // namespace tz
