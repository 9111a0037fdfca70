// A new file of this machine as a target.
#pragma once

#include <tz/engine/new_file.hpp>
#include <tz/engine/target.hpp>

#include <memory>
#include <string>

namespace tz {

/// Written past the page cache where the filesystem takes that, through the loop's ring where it
/// has one: whole blocks, straight from the memory that is given where that lies right, else from a
/// copy; blocks in which two ranges meet are kept until they are whole. Its room is reserved at the
/// start. The name is checked at once: see NewFile.
std::unique_ptr<Target> file_target(std::string path, Existing existing);

} // namespace tz
