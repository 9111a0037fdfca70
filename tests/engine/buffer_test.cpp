#include <tz/engine/buffer.hpp>
#include <tz/format/error.hpp>

#include <gtest/gtest.h>

#include <cstdint>

namespace tz {
namespace {

TEST(HostMemory, IsPageAlignedAndZero) {
    const HostMemory memory(3 << 20);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.bytes().data()) % 4096, 0u);
    HostMemory::touch(memory.bytes().subspan(100, 5000));
    EXPECT_EQ(memory.bytes()[4000], std::byte{0});
}

TEST(HostMemory, IsCutWhereHugePagesBegin) {
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{4097}, std::size_t{5} << 20}) {
        const HostMemory memory(bytes);
        std::size_t cut = 0;
        std::size_t blocks = 0;
        for (auto rest = memory.bytes(); !rest.empty(); ++blocks) {
            const auto block = HostMemory::first_block(rest);
            EXPECT_EQ(block.data(), memory.bytes().data() + cut);
            EXPECT_TRUE(block.size() == (2 << 20) || block.size() == rest.size());
            HostMemory::touch(block);
            block.back() = std::byte{1};
            cut += block.size();
            rest = rest.subspan(block.size());
        }
        EXPECT_EQ(blocks, (bytes + (2 << 20) - 1) >> 21);
    }
}

TEST(HostMemory, RefusesWhatNoMachineHas) {
    try {
        const HostMemory memory(std::size_t{1} << 60);
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), errc::limit);
    }
}

TEST(Arena, CutsEqualBuffersThatDoNotTouch) {
    const Arena arena(3, 8192);
    EXPECT_EQ(arena.bytes(1).data(), arena.bytes(0).data() + 8192);
    EXPECT_EQ(arena.bytes(2).size(), 8192u);
}

TEST(Arena, CountsOnlyBuffersThatWereUsed) {
    Arena arena(4, 4096);
    EXPECT_EQ(arena.touched_bytes(), 0u);
    arena.set_touched(2);
    arena.set_touched(2);
    EXPECT_EQ(arena.touched_bytes(), 4096u);
}

TEST(Arena, GivesBackWhatIsNotPinned) {
    Arena arena(4, 4096);
    for (std::size_t i = 0; i < 4; ++i) {
        arena.bytes(i)[7] = std::byte{1};
        if (i == 2)
            arena.set_pinned(i);
        arena.set_touched(i);
    }
    arena.release_from(1);
    EXPECT_EQ(arena.touched_bytes(), 2 * 4096u);
    EXPECT_EQ(arena.bytes(0)[7], std::byte{1});
    EXPECT_EQ(arena.bytes(1)[7], std::byte{0});
    EXPECT_EQ(arena.bytes(2)[7], std::byte{1});
    EXPECT_EQ(arena.bytes(3)[7], std::byte{0});
}

} // namespace
} // namespace tz
