// Tensors from one file to another, in another format, with or without encryption: a load joined to
// a save.
#pragma once

#include <tz/engine/load.hpp>
#include <tz/engine/save_plan.hpp>
#include <tz/engine/target.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace tz {

struct ConvertOptions {
    SaveSettings save;
    /// 32 bytes: seals what is written. `save.tensors.derivation` says that it comes from a
    /// password.
    std::shared_ptr<const format::Secret> key;
};

struct Converted {
    LoadStats stats;
    std::vector<std::string> files; ///< that were written, the list of shards last
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
