#include <tz/engine/memory.hpp>
#include <tz/engine/ring.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/run.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

namespace tz {
namespace {

class RingTest : public testing::Test {
protected:
    void SetUp() override {
        const RingFacts facts = ring_facts();
        if (!facts.usable)
            GTEST_SKIP() << facts.reason;
        content_ = test::random_bytes(100'000);
        test::write_file(folder_ / "file", content_);
        fd_ = ::open((folder_ / "file").c_str(), O_RDONLY);
    }

    void TearDown() override {
        if (fd_ >= 0)
            ::close(fd_);
    }

    test::TempFolder folder_;
    std::vector<std::byte> content_;
    asio::io_context context_;
    int fd_ = -1;
};

awaitable<void> read_at(
    Ring& ring,
    int fd,
    std::span<std::byte> to,
    std::uint64_t offset,
    int index,
    std::size_t& got) {
    got = co_await ring.read(fd, to, offset, index, use_awaitable);
}

TEST_F(RingTest, ReadsBytesAtAnOffset) {
    Ring ring(context_, 8, 0);
    std::vector<std::byte> to(5000);
    std::size_t got = 0;
    test::run(context_, read_at(ring, fd_, to, 777, -1, got));
    ASSERT_EQ(got, to.size());
    EXPECT_TRUE(std::equal(to.begin(), to.end(), content_.begin() + 777));
}

TEST_F(RingTest, ReadsIntoRegisteredBuffers) {
    Ring ring(context_, 8, 2);
    const HostMemory memory(1 << 20);
    if (!ring.register_buffer(1, memory.bytes()))
        GTEST_SKIP() << "the kernel registers no buffers here";
    std::size_t got = 0;
    test::run(context_, read_at(ring, fd_, memory.bytes().first(4096), 4096, 1, got));
    ASSERT_EQ(got, 4096u);
    EXPECT_TRUE(
        std::equal(memory.bytes().begin(), memory.bytes().begin() + 4096, content_.begin() + 4096));
}

TEST_F(RingTest, TellsTheEndOfTheFile) {
    Ring ring(context_, 8, 0);
    std::vector<std::byte> to(5000);
    std::size_t got = 1;
    test::run(context_, read_at(ring, fd_, to, content_.size() - 10, -1, got));
    EXPECT_EQ(got, 10u);
    test::run(context_, read_at(ring, fd_, to, content_.size() + 10, -1, got));
    EXPECT_EQ(got, 0u);
}

TEST_F(RingTest, ThrowsTheSystemsError) {
    Ring ring(context_, 8, 0);
    std::vector<std::byte> to(10);
    std::size_t got = 0;
    try {
        test::run(context_, read_at(ring, -1, to, 0, -1, got));
        FAIL();
    } catch (const boost::system::system_error& error) {
        EXPECT_EQ(error.code().value(), EBADF);
    }
}

awaitable<void> read_pieces(Ring& ring, int fd, std::vector<iovec>& pieces, std::size_t& got) {
    const std::span<const iovec> to(pieces);
    got = co_await ring.readv(fd, to, 100, use_awaitable);
}

TEST_F(RingTest, ScattersOneReadOverSeveralPieces) {
    Ring ring(context_, 8, 0);
    std::vector<std::byte> first(10);
    std::vector<std::byte> second(20);
    std::vector<iovec> pieces{{first.data(), 10}, {second.data(), 20}};
    std::size_t got = 0;
    test::run(context_, read_pieces(ring, fd_, pieces, got));
    EXPECT_EQ(got, 30u);
    EXPECT_TRUE(std::equal(second.begin(), second.end(), content_.begin() + 110));
}

TEST_F(RingTest, CarriesMoreReadsThanItHasEntries) {
    Ring ring(context_, 4, 0);
    constexpr std::size_t reads = 100;
    std::vector<std::vector<std::byte>> to(reads, std::vector<std::byte>(100));
    std::vector<std::size_t> got(reads);
    std::size_t ended = 0;
    for (std::size_t i = 0; i < reads; ++i)
        asio::co_spawn(
            context_,
            read_at(ring, fd_, to[i], i * 100, -1, got[i]),
            [&](std::exception_ptr error) {
                EXPECT_FALSE(error);
                ++ended;
            });
    context_.run_for(std::chrono::seconds(20));
    ASSERT_EQ(ended, reads);
    for (std::size_t i = 0; i < reads; ++i)
        EXPECT_TRUE(
            std::equal(to[i].begin(), to[i].end(), content_.begin() + static_cast<long>(i) * 100));
}

TEST_F(RingTest, CompletesACancelledReadOnce) {
    int pipe[2]; // a read from an empty pipe waits until it is cancelled
    ASSERT_EQ(::pipe(pipe), 0);
    {
        Ring ring(context_, 8, 0);
        std::vector<std::byte> to(10);
        std::size_t got = 0;
        int ended = 0;
        asio::cancellation_signal signal;
        asio::co_spawn(
            context_,
            read_at(ring, pipe[0], to, 0, -1, got),
            asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr error) {
                EXPECT_TRUE(error);
                ++ended;
            }));
        context_.run_for(std::chrono::milliseconds(50));
        EXPECT_EQ(ended, 0);
        signal.emit(asio::cancellation_type::terminal);
        context_.run_for(std::chrono::seconds(5));
        EXPECT_EQ(ended, 1);
    }
    ::close(pipe[0]);
    ::close(pipe[1]);
}

TEST_F(RingTest, LetsTheContextEndWhenNothingIsInFlight) {
    Ring ring(context_, 8, 0);
    std::vector<std::byte> to(10);
    std::size_t got = 0;
    test::run(context_, read_at(ring, fd_, to, 0, -1, got));
    context_.restart();
    EXPECT_EQ(context_.run_for(std::chrono::milliseconds(200)), 0u);
    EXPECT_TRUE(context_.stopped());
}

} // namespace
} // namespace tz
