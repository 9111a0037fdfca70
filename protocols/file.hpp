// Local files as a Source.
#pragma once

#include <tz/engine/options.hpp>
#include <tz/engine/source.hpp>
#include <tz/protocols/file_facts.hpp>

#include <memory>
#include <string>

namespace tz {

/// A regular file, read through the page cache or past it (`Direct`). Opened at once and
/// without waiting (a FIFO or a directory is refused); keeps its descriptors until the last owner
/// lets go, so that removing or replacing the name does not disturb a load. Throws `tz::Error`:
/// not_found, denied, io.
std::shared_ptr<Source> open_file(const std::string& path, Direct direct = Direct::automatic);

} // namespace tz
