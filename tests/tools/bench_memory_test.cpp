// The memory that ceilings are measured in, and what makes samples comparable.
#include <tz/engine/huge_pages.hpp>
#include <tz/tools/bench_memory.hpp>

#include <gtest/gtest.h>

#include <chrono>

namespace tz::bench {
namespace {

constexpr std::size_t size = 64 << 20;

bool gives_huge_pages() {
    const std::uint64_t before = anonymous_huge_bytes();
    const FreshMemory memory(size, Pages::huge);
    for (std::byte& byte : memory.bytes())
        byte = {};
    return huge_bytes_since(before) > size / 2;
}

// Once huge pages had proved dear, the memory before each sample was touched in small ones: the
// huge ones stayed with the host, and every load of the run paid for them.
TEST(BenchMemory, IsTouchedInHugePagesWhateverTheyCost) {
    if (!gives_huge_pages())
        GTEST_SKIP() << "no huge pages here";
    for (int i = 0; i < 10; ++i)
        HugePages::of_process().note(std::chrono::milliseconds(10));
    ASSERT_TRUE(HugePages::of_process().too_dear());
    const std::uint64_t before = anonymous_huge_bytes();
    const FreshMemory memory(size, Pages::huge);
    memory.touch(0, size);
    EXPECT_GT(huge_bytes_since(before), size / 2);
    HugePages::of_process().reset();
}

TEST(BenchMemory, IsTouchedInSmallPagesWhereTheseWereAskedFor) {
    const std::uint64_t huge = anonymous_huge_bytes();
    const std::uint64_t before = memory_field("status", "RssAnon:");
    const FreshMemory memory(size, Pages::small);
    memory.touch(0, size);
    EXPECT_LT(huge_bytes_since(huge), size / 2);
    EXPECT_GE(memory_field("status", "RssAnon:"), before + size / 2);
}

} // namespace
} // namespace tz::bench
