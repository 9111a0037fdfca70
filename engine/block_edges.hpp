// The blocks of a file that are written in parts, kept until they are whole.
#pragma once

#include <tz/engine/alignment.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>

namespace tz {

/// A block of `direct_alignment` bytes, in memory that a direct write can take.
struct alignas(direct_alignment) Block {
    std::array<std::byte, direct_alignment> bytes{};
};

/// Direct writes take whole blocks, but what is written begins and ends anywhere: a block where one
/// range ends and another begins waits here for all of its bytes. Holds about one block for each
/// range that has a neighbour yet to come. Any thread.
class BlockEdges {
public:
    /// Of a file of `file_bytes`, whose last block may be whole with less.
    explicit BlockEdges(std::uint64_t file_bytes) : file_bytes_(file_bytes) {}

    /// Adds a range that lies in one block; each byte comes once. The block, if that made it whole:
    /// zeros follow the end of the file.
    std::unique_ptr<Block> add(std::span<const std::byte> bytes, std::uint64_t offset);

    /// Whether no block waits for bytes.
    bool empty() const;

private:
    struct Edge {
        std::unique_ptr<Block> block;
        std::uint64_t filled = 0;
    };

    const std::uint64_t file_bytes_;
    mutable std::mutex mutex_;
    std::map<std::uint64_t, Edge> edges_; ///< by where the block begins
};

} // namespace tz
