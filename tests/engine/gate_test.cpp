#include <tz/engine/gate.hpp>
#include <tz/tests/support/run.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace tz {
namespace {

awaitable<void> wait_for(Gate& gate, std::uint64_t target, std::vector<std::uint64_t>& order) {
    co_await gate.reached(target);
    order.push_back(target);
}

TEST(Gate, LetsThroughAtOnceWhatIsReached) {
    asio::io_context context;
    Gate gate;
    gate.advance(5);
    std::vector<std::uint64_t> order;
    test::run(context, wait_for(gate, 5, order));
    EXPECT_EQ(order, (std::vector<std::uint64_t>{5}));
}

TEST(Gate, WakesOnlyThoseWhoseValueIsReached) {
    asio::io_context context;
    Gate gate;
    std::vector<std::uint64_t> order;
    for (const std::uint64_t target : {3, 1, 2, 3})
        asio::co_spawn(context, wait_for(gate, target, order), [](std::exception_ptr) {});
    asio::post(context, [&] { gate.advance(2); });
    context.run_for(std::chrono::milliseconds(200));
    std::sort(order.begin(), order.end());
    EXPECT_EQ(order, (std::vector<std::uint64_t>{1, 2}));
    gate.advance(3);
    context.run();
    EXPECT_EQ(order.size(), 4u);
}

TEST(Gate, NeverGoesBack) {
    Gate gate;
    gate.advance(7);
    gate.advance(3);
    EXPECT_EQ(gate.value(), 7u);
}

TEST(Gate, EndsACancelledWaitAndForgetsIt) {
    asio::io_context context;
    Gate gate;
    asio::cancellation_signal signal;
    std::exception_ptr failure;
    std::vector<std::uint64_t> order;
    asio::co_spawn(
        context,
        wait_for(gate, 1, order),
        asio::bind_cancellation_slot(
            signal.slot(), [&](std::exception_ptr error) { failure = std::move(error); }));
    context.poll();
    signal.emit(asio::cancellation_type::terminal);
    context.restart();
    context.run();
    EXPECT_TRUE(failure);
    gate.advance(1);
    EXPECT_TRUE(order.empty());
}

TEST(Gate, PassesATurnBetweenThreads) {
    constexpr std::uint64_t turns = 2000;
    Gate gate;
    std::vector<std::uint64_t> order; // guarded by the turns themselves
    const auto take_turns = [&](std::uint64_t first) {
        asio::io_context context;
        // a named coroutine function: its captures must outlive it
        struct Body {
            static awaitable<void>
            run(Gate& gate, std::vector<std::uint64_t>& order, std::uint64_t first) {
                for (std::uint64_t turn = first; turn < turns; turn += 2) {
                    co_await gate.reached(turn);
                    order.push_back(turn);
                    gate.advance(turn + 1);
                }
            }
        };
        test::run(context, Body::run(gate, order, first));
    };
    std::thread odd([&] { take_turns(1); });
    take_turns(0);
    odd.join();
    ASSERT_EQ(order.size(), turns);
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

} // namespace
} // namespace tz
