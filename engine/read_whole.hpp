// Reads a small source as a whole.
#pragma once

#include <tz/engine/load.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace tz {

/// All bytes of `source`. Blocks the calling thread; `waiting` says how long, and how it may be
/// stopped. Throws `tz::Error`, naming the source: errc::limit where it has more than `bytes_max`.
std::vector<std::byte> read_whole(
    Engine& engine,
    std::shared_ptr<const Source> source,
    std::uint64_t bytes_max,
    const LoadOptions& waiting = {});

} // namespace tz
