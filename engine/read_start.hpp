// How a source is read before there are lanes: its first bytes, which tell its size too, and then
// what else is needed of it.
#pragma once

#include <tz/engine/async.hpp>
#include <tz/engine/reader.hpp>
#include <tz/engine/source.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tz {

/// The first bytes of the source that `reader` is for: `most`, or all if it has fewer. Its size is
/// known then.
awaitable<std::vector<std::byte>>
read_start(Reader& reader, const Source& source, std::size_t most);

/// Fills `to` with what begins at byte `from`. By the workers where it is a file: they have nothing
/// else to do yet, and most loads then need no further threads.
awaitable<void> read_to(Reader& reader, std::span<std::byte> to, std::uint64_t from);

} // namespace tz
