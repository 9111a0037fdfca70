// Local files as a Source.
#pragma once

#include <tz/engine/options.hpp>
#include <tz/engine/source.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace tz {

/// A regular file, read through the page cache or past it (`Direct`). Opened at once and
/// without waiting (a FIFO or a directory is refused); keeps its descriptors until the last owner
/// lets go, so that removing or replacing the name does not disturb a load. Throws `tz::Error`:
/// not_found, denied, io.
std::shared_ptr<Source> open_file(const std::string& path, Direct direct = Direct::automatic);

/// What the kernel offers to reads at the place of a file.
struct FileFacts {
    std::string filesystem;      ///< e.g. "ext4"
    bool direct = false;         ///< O_DIRECT reads work
    std::uint32_t alignment = 0; ///< of direct reads, in bytes
    bool cachestat = false;      ///< the kernel tells which pages are cached
};

FileFacts file_facts(const std::string& path);

} // namespace tz
