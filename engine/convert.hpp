// Tensors from one file to another, in another format, with or without encryption: a load joined to
// a save.
#pragma once

#include <tz/engine/load.hpp>
#include <tz/engine/make_target.hpp>
#include <tz/engine/save_options.hpp>
#include <tz/format/float_cast.hpp>
#include <tz/format/manifest.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tz {

struct ConvertOptions {
    format::FileFormat format = format::FileFormat::tensors;
    /// Of `.tensors` files; with a key or a password they are encrypted. A safetensors file takes
    /// `alignment` alone; keys and a manifest are errc::usage.
    SaveOptions tensors;
    /// What safetensors files say about themselves, beside what the sources say.
    std::vector<std::pair<std::string, std::string>> metadata;
    /// See OutputOptions.
    std::optional<std::uint64_t> shard_bytes_max;
    std::optional<format::FloatType> floats;
    /// Several tensors at once, so that their SHA-256 can be computed side by side: more memory for
    /// targets that take whole parts.
    bool side_by_side = true;
};

struct Converted {
    LoadStats stats;
    std::vector<std::string> files;          ///< that were written, the list of shards last
    std::vector<format::Manifest> manifests; ///< of the files, if they were asked for
    std::uint64_t bytes_written = 0;
    std::vector<std::string> lost; ///< what the new format can't hold, for people
};

/// Writes the tensors that `load` takes of `sources` to `destination` (see plan_save() for the
/// names of several files), whose targets `make_target` makes. What is read is verified and
/// decrypted as `load` says, its memory and sink apart; memory is what the engine's limit says, and
/// as much again for what is written. Nothing has a name before all of it is durable. Blocks;
/// throws the first `tz::Error`, and then what was written is gone.
Converted convert(
    Engine& engine,
    std::span<const std::shared_ptr<const Source>> sources,
    const std::string& destination,
    const MakeTarget& make_target,
    const ConvertOptions& options = {},
    LoadOptions load = {});

} // namespace tz
