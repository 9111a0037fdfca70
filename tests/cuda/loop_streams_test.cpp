#include <tz/cuda/loop_streams.hpp>
#include <tz/tests/support/fake_cudart.hpp>

#include <gtest/gtest.h>

#include <array>

namespace tz::cuda {
namespace {

class Joined : public testing::Test {
protected:
    Copy copy(std::size_t to, std::size_t from, std::size_t bytes, std::size_t block = 0) {
        return {device_.data() + to, std::span(host_).subspan(from, bytes), block};
    }

    std::array<std::byte, 1000> device_{};
    std::array<std::byte, 1000> host_{};
};

TEST_F(Joined, MakesOneCopyOfNeighbours) {
    const std::array copies{copy(0, 100, 50), copy(50, 150, 30), copy(80, 180, 1)};
    const auto fewer = joined(copies);
    ASSERT_EQ(fewer.size(), 1u);
    EXPECT_EQ(fewer[0].to, device_.data());
    EXPECT_EQ(fewer[0].from.data(), host_.data() + 100);
    EXPECT_EQ(fewer[0].from.size(), 81u);
}

TEST_F(Joined, LeavesWhatIsApartOnEitherSide) {
    EXPECT_EQ(joined(std::array{copy(0, 100, 50), copy(50, 151, 30)}).size(), 2u);
    EXPECT_EQ(joined(std::array{copy(0, 100, 50), copy(51, 150, 30)}).size(), 2u);
    EXPECT_EQ(joined(std::array{copy(50, 150, 30), copy(0, 100, 50)}).size(), 2u);
}

TEST_F(Joined, LeavesWhatLiesInTwoAllocations) {
    EXPECT_EQ(joined(std::array{copy(0, 100, 50, 1), copy(50, 150, 30, 2)}).size(), 2u);
}

TEST(LoopStreams, TakeTurns) {
    test::FakeCudart cuda;
    cuda.set_driver(2);
    asio::io_context context;
    const std::array devices{1, 0};
    LoopStreams streams(context, devices, nullptr);
    Stream& first = streams.next(0);
    EXPECT_EQ(first.device(), 1);
    EXPECT_NE(&streams.next(0), &first);
    EXPECT_EQ(&streams.next(0), &first);
    EXPECT_EQ(streams.next(1).device(), 0);
}

} // namespace
} // namespace tz::cuda
