// What came damaged over a network is fetched once more, over another connection; what does not
// fit then either is an error. Files of this machine are never read again: the page cache would
// give the same bytes.
#pragma once

#include <tz/engine/async.hpp>
#include <tz/engine/hosts.hpp>
#include <tz/engine/passage.hpp>

namespace tz {

/// The chunk as it was read, before anything was done with it. Throws `error` where that makes no
/// sense.
awaitable<void> fetch_chunk_again(Job& job, Passage& passage, const Error& error);

/// The one piece, to where it was. Throws its error where that makes no sense.
awaitable<void> fetch_piece_again(Job& job, Passage& passage, const DamagedPiece& piece);

/// The header and the data of a tensor, chunk by chunk through the lane's staging, and all steps on
/// them. Throws where its hashes don't fit then either; else it is complete.
awaitable<void>
fetch_tensor_again(Job& job, Loop& loop, Passage& passage, const DamagedTensor& damaged);

/// At the end of a passage: counts what was right the second time, and says so once a load.
void note_refetches(Job& job, Hosts& hosts, Loop& loop, const Passage& passage);

} // namespace tz
