#include <tz/cuda/pinned_memory.hpp>
#include <tz/engine/memory.hpp>
#include <tz/tests/support/fake_cudart.hpp>

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

namespace tz::cuda {
namespace {

TEST(PinnedMemory, CoversWhatLiesInAPiece) {
    const test::FakeCudart cuda;
    const HostMemory memory(3 << 20);
    const auto bytes = memory.bytes();
    PinnedMemory pinned;
    EXPECT_FALSE(pinned.knows(bytes.subspan(1 << 20)));
    EXPECT_TRUE(pinned.pin(bytes.subspan(1 << 20, 1 << 20)));
    EXPECT_TRUE(pinned.knows(bytes.subspan(1 << 20)));
    EXPECT_TRUE(pinned.covers(bytes.subspan(1 << 20, 1 << 20)));
    EXPECT_TRUE(pinned.covers(bytes.subspan((1 << 20) + 5, 100)));
    EXPECT_FALSE(pinned.covers(bytes.first(100)));
    EXPECT_FALSE(pinned.covers(bytes.subspan(2 << 20, 1)));
    EXPECT_FALSE(pinned.covers(bytes.subspan((2 << 20) - 5, 10)));
    EXPECT_EQ(pinned.bytes(), 1u << 20);
}

TEST(PinnedMemory, UnpinsAtTheEnd) {
    test::FakeCudart cuda;
    const HostMemory memory(2 << 20);
    {
        PinnedMemory pinned;
        pinned.pin(memory.bytes());
        EXPECT_EQ(cuda.pinned_bytes(), 2u << 20);
    }
    EXPECT_EQ(cuda.pinned_bytes(), 0u);
}

TEST(PinnedMemory, DoesWithoutWhereTheSystemRefuses) {
    test::FakeCudart cuda;
    cuda.fail("cudaHostRegister", 1, cudaErrorMemoryAllocation);
    const HostMemory memory(2 << 20);
    PinnedMemory pinned;
    EXPECT_FALSE(pinned.pin(memory.bytes()));
    EXPECT_TRUE(pinned.knows(memory.bytes()));
    EXPECT_FALSE(pinned.covers(memory.bytes()));
    EXPECT_EQ(pinned.bytes(), 0u);
    EXPECT_EQ(test::FakeCudart::last_error(), cudaSuccess);
}

} // namespace
} // namespace tz::cuda
