#include <tz/engine/workers.hpp>
#include <tz/tests/support/run.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

namespace tz {
namespace {

awaitable<void> note_threads(Workers& workers, std::thread::id& ran, std::thread::id& resumed) {
    auto job = [&ran] { ran = std::this_thread::get_id(); };
    co_await workers.run(std::move(job));
    resumed = std::this_thread::get_id();
}

TEST(Workers, RunsElsewhereAndResumesOnTheLoop) {
    asio::io_context context;
    Workers workers(2);
    std::thread::id ran;
    std::thread::id resumed;
    test::run(context, note_threads(workers, ran, resumed));
    EXPECT_NE(ran, std::this_thread::get_id());
    EXPECT_EQ(resumed, std::this_thread::get_id());
}

awaitable<void> fail_on(Workers& workers) {
    auto job = [] { throw std::runtime_error("broken"); };
    co_await workers.run(std::move(job));
}

TEST(Workers, TakeUpWhatIsNextBeforeWhatIsLast) {
    std::vector<int> order;
    {
        Workers workers(1);
        std::promise<void> all_posted;
        workers.post([wait = all_posted.get_future().share()] { wait.wait(); }, Urgency::last);
        workers.post([&] { order.push_back(3); }, Urgency::last);
        workers.post([&] { order.push_back(2); }, Urgency::next);
        workers.post([&] { order.push_back(4); }, Urgency::last);
        workers.post([&] { order.push_back(1); }, Urgency::next);
        all_posted.set_value();
    } // ends when all is done
    EXPECT_EQ(order, (std::vector{2, 1, 3, 4}));
}

TEST(Workers, HandsExceptionsToTheWaiter) {
    asio::io_context context;
    Workers workers(1);
    EXPECT_THROW(test::run(context, fail_on(workers)), std::runtime_error);
}

} // namespace
} // namespace tz
