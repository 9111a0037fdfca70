// A piece of a file whose hash a manifest lists, on its way through a lane: its chunks count when
// the hash fits.
#pragma once

#include <tz/engine/passage.hpp>
#include <tz/format/error.hpp>
#include <tz/format/hash.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace tz {

/// Belongs to its lane, and is used by one thread at a time.
class ListedPiece {
public:
    /// That begins with `first`, of the job's plan.
    ListedPiece(const Job& job, const Chunk& first);

    /// What is through of it, but does not count yet.
    struct Through {
        const Chunk* chunk;
        std::vector<Taken> taken;
    };

    /// Whether some of the chunk's bytes count as zeros; then hash() takes them, else take() does.
    bool has_zeros(const Chunk& chunk) const;
    void hash(const Chunk& chunk, std::span<const std::byte> bytes, JobTimes& times);

    format::Sha256Part take(std::span<const std::byte> bytes) { return {&stream_, bytes}; }

    /// The chunk is hashed. True for the last one.
    bool add(const Chunk& chunk, std::vector<Taken> taken);

    std::span<const Through> through() const { return through_; }

    /// After the last one: what is wrong with the piece.
    std::optional<Error> settle();

private:
    const CheckedManifest& manifest_;
    const Chunk& first_;
    format::Sha256Stream stream_;
    std::vector<Through> through_;
};

/// All bytes of the chunk as they were read.
std::span<const std::byte> body_bytes(const Job& job, const Passage& passage);

/// Whether all bytes of the chunk are one tensor's.
bool is_one_segment(const Chunk& chunk);

} // namespace tz
