// Which of several objects of servers are there.
#pragma once

#include <tz/engine/load.hpp>
#include <tz/format/error.hpp>

#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace tz {

/// Asks for the first byte of each of `sources`, several at a time, and returns for each nothing if
/// it is there, or the error (errc::not_found, naming it) that says it isn't. Those that are there
/// know their size and their version then: what is loaded later is what was found. Blocks the
/// calling thread; `waiting` says how long, and how it may be stopped. Throws `tz::Error`, naming
/// the source, where a server does not say.
std::vector<std::optional<Error>> find_missing(
    Engine& engine,
    std::span<const std::shared_ptr<const Source>> sources,
    const LoadOptions& waiting = {});

} // namespace tz
