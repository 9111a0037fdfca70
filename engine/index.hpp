// Reads the indexes of the files of a load.
#pragma once

#include <tz/engine/engine.hpp>
#include <tz/engine/hosts.hpp>
#include <tz/engine/supervision.hpp>
#include <tz/format/layout.hpp>

#include <memory>
#include <span>
#include <vector>

namespace tz {

/// Several at a time, on the first `loops` loops. One read is enough for nearly every file, and
/// tells a remote one's size too; a second one where the index is larger than usual. The
/// connections that brought them stay with `hosts`. Errors name their source.
std::vector<format::Layout> read_indexes(
    Engine::State& engine,
    unsigned loops,
    Hosts& hosts,
    Hosts::Sources sources,
    Supervision& supervision);

} // namespace tz
