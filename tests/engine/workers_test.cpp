#include <tz/engine/workers.hpp>
#include <tz/tests/support/run.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
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

/// Jobs that end when told to.
class Held {
public:
    Held(Workers& workers, unsigned count) {
        for (unsigned i = 0; i < count; ++i)
            workers.post([this] { hold(); }, Urgency::next);
    }

    void wait_for_running(unsigned count) const {
        while (running_ != count)
            std::this_thread::yield();
    }

    void wait_for_ended(unsigned count) const {
        while (ended_ != count)
            std::this_thread::yield();
    }

    void let_go() { may_go_on_.set_value(); }

    unsigned most() const { return most_; }

private:
    void hold() {
        const unsigned running = ++running_;
        unsigned most = most_;
        while (most < running && !most_.compare_exchange_weak(most, running))
            continue;
        go_on_.wait();
        --running_;
        ++ended_;
    }

    std::promise<void> may_go_on_;
    std::shared_future<void> go_on_ = may_go_on_.get_future().share();
    std::atomic<unsigned> running_ = 0;
    std::atomic<unsigned> most_ = 0;
    std::atomic<unsigned> ended_ = 0;
};

TEST(Workers, AreNoMoreThanAreUsed) {
    Workers workers(6);
    const FewerWorkers fewer(workers, 2);
    Held jobs(workers, 50);
    jobs.wait_for_running(2);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    jobs.let_go();
    jobs.wait_for_ended(50);
    EXPECT_EQ(jobs.most(), 2u);
}

TEST(Workers, AreAllThereAfterwards) {
    Workers workers(4);
    Held jobs(workers, 4);
    {
        const FewerWorkers fewer(workers, 1);
    }
    jobs.wait_for_running(4);
    jobs.let_go();
    jobs.wait_for_ended(4);
}

TEST(Workers, EndWhereSomeAreNotUsed) {
    std::atomic<unsigned> ended = 0;
    {
        Workers workers(4);
        workers.use(0); // at least one is
        for (int i = 0; i < 100; ++i)
            workers.post([&] { ++ended; }, i % 2 == 0 ? Urgency::last : Urgency::next);
    }
    EXPECT_EQ(ended, 100u);
}

TEST(Workers, HandsExceptionsToTheWaiter) {
    asio::io_context context;
    Workers workers(1);
    EXPECT_THROW(test::run(context, fail_on(workers)), std::runtime_error);
}

} // namespace
} // namespace tz
