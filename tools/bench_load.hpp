// Our own loads as entries: which modes a file allows, and one timed load.
#pragma once

#include <tz/engine/load.hpp>
#include <tz/tools/bench_entry.hpp>

#include <memory>
#include <string>
#include <vector>

namespace tz::bench {

/// A file that is loaded, and what its headers say.
struct Subject {
    std::string path;
    std::string filesystem;
    std::uint64_t file_bytes = 0;
    std::uint64_t tensor_bytes = 0;
    std::uint64_t largest_bytes = 0; ///< of one tensor
    std::size_t tensors = 0;
    bool encrypted = false;
    bool crc32 = false;                        ///< every tensor with data has one
    bool sha256 = false;                       ///< likewise
    std::shared_ptr<const format::Secret> key; ///< one of these where the file is encrypted
    std::shared_ptr<const format::Secret> password;
    Direct direct = Direct::automatic;
};

/// A way to load. "plain", "crc32", "sha256", "all", "auto" deliver to memory; "drop" reads and
/// drops.
struct Mode {
    std::string name;
    Verify verify = Verify::none;
    Memory memory = Memory::owned;
};

/// Throws `tz::Error` (errc::usage).
Mode parse_mode(const std::string& name);

/// plain, and each hash that the file has for all its tensors.
std::vector<Mode> usual_modes(const Subject& subject);

/// Reads headers only.
void inspect(Engine& engine, Subject& subject);

/// What `engine`, which outlives the entry, takes to load `subject`. Opening the file is timed,
/// freeing the memory is not.
Entry load_entry(
    Engine& engine,
    const Subject& subject,
    const Mode& mode,
    Cache cache,
    const std::stop_token& stop);

} // namespace tz::bench
