#include <tz/engine/block_edges.hpp>
#include <tz/tests/support/files.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace tz {
namespace {

TEST(BlockEdges, GiveABlockToWhoBringsItsLastByte) {
    const auto bytes = test::random_bytes(direct_alignment);
    BlockEdges edges(10 * direct_alignment);
    EXPECT_FALSE(edges.add(std::span(bytes).subspan(100), 3 * direct_alignment + 100));
    EXPECT_FALSE(edges.empty());
    const auto block = edges.add(std::span(bytes).first(100), 3 * direct_alignment);
    ASSERT_TRUE(block);
    EXPECT_TRUE(std::ranges::equal(block->bytes, bytes));
    EXPECT_TRUE(edges.empty());
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block->bytes.data()) % direct_alignment, 0u);
}

TEST(BlockEdges, EndWithTheFile) {
    const auto bytes = test::random_bytes(50);
    BlockEdges edges(direct_alignment + 50);
    const auto block = edges.add(bytes, direct_alignment);
    ASSERT_TRUE(block);
    EXPECT_TRUE(std::ranges::equal(std::span(block->bytes).first(50), bytes));
    EXPECT_TRUE(std::ranges::all_of(
        std::span(block->bytes).subspan(50), [](std::byte byte) { return byte == std::byte{}; }));
}

TEST(BlockEdges, GiveEachBlockOnceWhateverTheOrderOfItsParts) {
    const std::uint64_t seed = test::seed();
    SCOPED_TRACE("TZ_TEST_SEED=" + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto bytes = test::random_bytes(5 * direct_alignment + 777, seed);
    std::vector<std::pair<std::uint64_t, std::uint64_t>> parts;
    for (std::uint64_t at = 0; at < bytes.size();) {
        const std::uint64_t room =
            std::min<std::uint64_t>(bytes.size() - at, direct_alignment - at % direct_alignment);
        const std::uint64_t size = 1 + random() % room;
        parts.emplace_back(at, size);
        at += size;
    }
    std::ranges::shuffle(parts, random);
    BlockEdges edges(bytes.size());
    std::vector<std::byte> file(round_up(bytes.size(), direct_alignment));
    std::size_t blocks = 0;
    for (const auto& [at, size] : parts)
        if (const auto block = edges.add(std::span(bytes).subspan(at, size), at)) {
            std::ranges::copy(
                block->bytes, file.begin() + static_cast<long>(round_down(at, direct_alignment)));
            ++blocks;
        }
    EXPECT_EQ(blocks, 6u);
    EXPECT_TRUE(edges.empty());
    file.resize(bytes.size());
    EXPECT_EQ(file, bytes);
}

} // namespace
} // namespace tz
