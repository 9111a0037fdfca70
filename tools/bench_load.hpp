// Our own loads as entries: which modes a file allows, and one timed load.
#pragma once

#include <tz/engine/load.hpp>
#include <tz/protocols/network.hpp>
#include <tz/tools/bench_entry.hpp>
#include <tz/tools/bench_part.hpp>
#include <tz/tools/json.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tz::bench {

/// A file that is loaded, and what its headers say.
struct Subject {
    std::string uri;  ///< as it was given: a path or a URL
    std::string path; ///< for people, and its entries: the path, or the URL without secrets
    std::string filesystem;
    bool remote = false; ///< on a server
    NetworkOptions network;
    std::uint64_t file_bytes = 0;
    std::uint64_t tensor_bytes = 0;
    std::uint64_t largest_bytes = 0; ///< of one tensor
    std::size_t tensors = 0;
    bool encrypted = false;
    bool crc32 = false;                        ///< every tensor with data has one
    bool sha256 = false;                       ///< likewise
    std::shared_ptr<const format::Secret> key; ///< one of these where the file is encrypted
    std::shared_ptr<const format::Secret> password;
    std::string key_file; ///< where they came from
    std::string password_file;
    Direct direct = Direct::automatic;
    Part part; ///< that is loaded; counts of tensors and their bytes are of it
    std::optional<std::uint32_t> contents_crc32; ///< of all tensors in order of their names
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

/// Reads headers only. Of a key and a password it keeps the one that the file wants.
void inspect(Engine& engine, Subject& subject, const std::stop_token& stop = {});

/// Loads the file once, checks every hash that it has, and notes the CRC-32 of its contents.
void read_contents(Engine& engine, Subject& subject, const std::stop_token& stop);

/// The shell's words for this program's `sample` command; options of the engine may follow.
std::string sample_command();

/// What a process takes to load `subject` that does nothing else and has loaded nothing before: it
/// runs `sample_command`, and to it come the mode, key and file. Opening the file is timed;
/// starting the process and the engine's threads is not, nor is freeing the memory.
Entry load_entry(
    const std::string& sample_command,
    const Subject& subject,
    const Mode& mode,
    Cache cache,
    const std::stop_token& stop);

/// One load in this process, and what `sample_by` wants to be told of it. Meant to be the process's
/// first: memory that it already had counts as the load's.
cli::Json measured_load(
    Engine& engine, const Subject& subject, const Mode& mode, const std::stop_token& stop);

} // namespace tz::bench
