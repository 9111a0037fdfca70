// The lane: read, verify and decrypt on the workers, deliver, again. This is the central path.
#pragma once

#include <tz/engine/async.hpp>
#include <tz/engine/hosts.hpp>
#include <tz/engine/job.hpp>
#include <tz/engine/loop.hpp>

namespace tz {

/// Which lane it is.
struct Seat {
    unsigned index = 0;    ///< among all lanes of the load; its staging too
    std::size_t queue = 0; ///< of the job, from which it draws
    unsigned place = 0;    ///< among the lanes of that queue
};

/// Draws chunks of `job` and brings them home until none is left. One of the coroutines of a Crew;
/// the rest outlives it.
awaitable<void> lane(Job& job, Hosts& hosts, Loop& loop, Seat seat);

} // namespace tz
