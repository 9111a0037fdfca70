// The threads of loads. The public class is in load.hpp; this is what load() sees of it.
#pragma once

#include <tz/engine/geometry.hpp>
#include <tz/engine/load.hpp>
#include <tz/engine/loop.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace tz {

struct Engine::State {
    EngineOptions options; ///< defaults filled in
    Geometry geometry;
    std::string io;            ///< "uring" or "threads"
    std::string io_reason;     ///< why not uring
    std::timed_mutex one_load; ///< loads share the arenas, so they take turns
    std::unique_ptr<Pools> pools;
    std::vector<std::unique_ptr<Loop>> loops; ///< end before the pools they use

    /// Lanes of loop `index`: the lanes are spread evenly.
    unsigned lanes_of(std::size_t index) const;
    double loop_cpu_seconds() const;
    std::size_t staging_bytes() const;
};

} // namespace tz
