// The lane: read, verify and decrypt on the workers, deliver, again. This is the central path.
#pragma once

#include <tz/engine/async.hpp>
#include <tz/engine/job.hpp>
#include <tz/engine/loop.hpp>

namespace tz {

/// Draws chunks of `job` and brings them home until none is left. `index` counts the lanes of all
/// loops, `slot` those of this loop. One of the coroutines of a Crew; the job and the loop outlive
/// it.
awaitable<void> lane(Job& job, Loop& loop, unsigned index, unsigned slot);

} // namespace tz
