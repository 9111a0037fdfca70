// Gives the bytes of a load to its sink.
#pragma once

#include <tz/engine/passage.hpp>

#include <span>

namespace tz {

/// Shows the sink the staging that the chunk is about to be read into, if it is.
awaitable<void> show_staging(Job& job, Loop& loop, Passage& passage);

/// The data of the segments, of which `taken` has what is ready. On the thread of `loop`.
awaitable<void> put_segments(
    Job& job,
    Loop& loop,
    Passage& passage,
    std::span<const Segment> segments,
    std::span<const Taken> taken);

/// Sealed data of the chunk that the sink opens itself. `Passage::taken` then has it as done. On
/// the thread of `loop`.
awaitable<void> put_sealed(Job& job, Loop& loop, Passage& passage);

/// Says which tensors are complete: those of `Passage::complete`.
awaitable<void> put_ends(Job& job, Loop& loop, Passage& passage);

} // namespace tz
