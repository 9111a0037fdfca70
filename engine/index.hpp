// Reads the index of a file.
#pragma once

#include <tz/engine/engine.hpp>
#include <tz/engine/reader.hpp>
#include <tz/engine/supervision.hpp>
#include <tz/format/layout.hpp>

namespace tz {

/// One read is enough for nearly every file; a second one where the index is larger than usual.
format::Layout read_index(
    Engine::State& engine, const Source& source, ReadCounters& counters, Supervision& supervision);

} // namespace tz
