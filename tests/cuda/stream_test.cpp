#include <tz/cuda/device_error.hpp>
#include <tz/cuda/device_memory.hpp>
#include <tz/cuda/stream.hpp>
#include <tz/tests/support/fake_cudart.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/held.hpp>
#include <tz/tests/support/run.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cuda_runtime_api.h>

#include <algorithm>

namespace tz::cuda {
namespace {

class StreamTest : public testing::Test {
protected:
    StreamTest() { cuda_.set_delays(2000, 1); }

    ~StreamTest() override { EXPECT_EQ(cuda_.violations(), std::vector<std::string>{}); }

    test::FakeCudart cuda_;
    asio::io_context context_;
    std::vector<std::byte> host_ = test::random_bytes(10'000);
    DeviceBlock device_{0, 10'000};
};

awaitable<void> copy_and_wait(Stream& stream, std::byte* to, std::span<std::byte> from) {
    stream.copy(to, from);
    co_await stream.done(use_awaitable);
    std::ranges::fill(from, std::byte{0}); // which is ours again
}

TEST_F(StreamTest, WaitsUntilTheCopyIsDone) {
    Stream stream(context_, 0);
    const auto expected = host_;
    test::run(context_, copy_and_wait(stream, device_.data(), host_));
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), device_.data()));
}

awaitable<void> wait_for_nothing(Stream& stream) {
    co_await stream.done(use_awaitable);
}

TEST(FakeCudart, LeavesNoThread) {
    const test::Held before = test::held();
    {
        const test::FakeCudart cuda;
        EXPECT_EQ(cudaStreamSynchronize(cudaStreamLegacy), cudaSuccess);
        EXPECT_NE(test::held(), before) << "the stream's";
    }
    EXPECT_EQ(test::held_soon(before), before);
}

TEST_F(StreamTest, HasNothingToWaitForWhereNothingWasEnqueued) {
    Stream stream(context_, 0);
    test::run(context_, wait_for_nothing(stream));
}

awaitable<void> copy_in_pieces(Stream& stream, std::byte* to, std::span<std::byte> from) {
    using namespace asio::experimental::awaitable_operators;
    auto first = copy_and_wait(stream, to, from.first(4000));
    auto second = copy_and_wait(stream, to + 4000, from.subspan(4000));
    co_await (std::move(first) && std::move(second));
}

TEST_F(StreamTest, IsWaitedForBySeveral) {
    Stream stream(context_, 0);
    const auto expected = host_;
    for (int round = 0; round < 20; ++round) { // events are used again
        host_ = expected;
        test::run(context_, copy_in_pieces(stream, device_.data(), host_));
        EXPECT_TRUE(std::equal(expected.begin(), expected.end(), device_.data()));
    }
    EXPECT_LE(cuda_.calls("cudaEventCreateWithFlags"), 2u);
}

TEST_F(StreamTest, OverlapsWithOtherStreams) {
    Stream one(context_, 0);
    Stream two(context_, 0);
    auto both = [&]() -> awaitable<void> {
        using namespace asio::experimental::awaitable_operators;
        for (int i = 0; i < 20; ++i) {
            auto first = copy_and_wait(one, device_.data(), std::span(host_).first(100));
            auto second = copy_and_wait(two, device_.data() + 5000, std::span(host_).subspan(5000));
            co_await (std::move(first) && std::move(second));
        }
    };
    test::run(context_, both());
    EXPECT_GT(cuda_.overtakings(), 0u);
}

TEST_F(StreamTest, IsNotCutShortByACancellation) {
    Stream stream(context_, 0);
    cuda_.set_delays(20'000, 1);
    asio::cancellation_signal signal;
    bool ended = false;
    asio::co_spawn(
        context_,
        copy_and_wait(stream, device_.data(), host_),
        asio::bind_cancellation_slot(
            signal.slot(), [&](const std::exception_ptr&) { ended = true; }));
    const auto expected = host_;
    context_.run_one();
    signal.emit(asio::cancellation_type::terminal);
    context_.run();
    EXPECT_TRUE(ended);
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), device_.data()));
}

TEST_F(StreamTest, SaysWhatWentWrongWithTheWork) {
    Stream stream(context_, 0);
    cuda_.fail_work(1, cudaErrorIllegalAddress);
    try {
        test::run(context_, copy_and_wait(stream, device_.data(), host_));
        FAIL();
    } catch (const DeviceError& error) {
        EXPECT_TRUE(error.sticky());
    }
}

TEST_F(StreamTest, WaitsForTheWorkWhenItCannotBeAskedFor) {
    for (const char* call : {"cudaEventCreateWithFlags", "cudaEventRecord"}) {
        Stream stream(context_, 0);
        host_ = test::random_bytes(10'000);
        const auto expected = host_;
        cuda_.fail(call, 1, cudaErrorInvalidValue);
        EXPECT_THROW(test::run(context_, copy_and_wait(stream, device_.data(), host_)), DeviceError)
            << call;
        EXPECT_TRUE(std::equal(expected.begin(), expected.end(), device_.data())) << call;
    }
}

TEST_F(StreamTest, ComesAfterTheCallersWork) {
    cudaStream_t callers = nullptr;
    cudaEvent_t event = nullptr;
    ASSERT_EQ(cudaStreamCreateWithFlags(&callers, 0), cudaSuccess);
    ASSERT_EQ(cudaEventCreateWithFlags(&event, 0), cudaSuccess);
    Stream stream(context_, 0);
    const auto expected = host_;
    cudaMemsetAsync(device_.data(), 1, 10'000, callers); // would come last if nobody waited
    cudaEventRecord(event, callers);
    stream.wait_for(event);
    test::run(context_, copy_and_wait(stream, device_.data(), host_));
    cudaStreamSynchronize(callers);
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), device_.data()));
    cudaEventDestroy(event);
    cudaStreamDestroy(callers);
}

} // namespace
} // namespace tz::cuda
