// The SHA-256 of each piece of a file, whatever its bytes mean: as parallel within one tensor as
// over many.
#pragma once

#include <tz/engine/load.hpp>
#include <tz/engine/options.hpp>
#include <tz/format/error.hpp>
#include <tz/format/layout.hpp>
#include <tz/format/tensorizer.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace tz {

struct PieceOptions {
    std::uint64_t piece_bytes = 0; ///< a power of two, 64 KiB or more
    format::Range zeros;           ///< of the file, that count as zeros
    /// What they shall be, or empty. Ends at the first that is another (errc::integrity).
    std::span<const format::Sha256> expected;
};

/// What is wrong where the hash of number `piece` of `pieces` is not the expected one. Does not
/// name the source.
Error wrong_piece(std::uint64_t piece, std::size_t pieces, std::uint64_t piece_bytes);

/// Reads the source, whose size is known, once, in the engine's staging memory, and hashes on all
/// its workers. Blocks; of `waiting`, `deadline`, `stop` and `progress` count. Throws `tz::Error`,
/// naming the source.
std::vector<format::Sha256> hash_pieces(
    Engine& engine,
    std::shared_ptr<const Source> source,
    const PieceOptions& pieces,
    const LoadOptions& waiting = {});

} // namespace tz
