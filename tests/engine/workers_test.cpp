#include <tz/engine/workers.hpp>
#include <tz/tests/support/run.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <optional>
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

/// Jobs that each end when told to.
class Held {
public:
    Held(Workers& workers, unsigned count, Urgency urgency) {
        for (unsigned i = 0; i < count; ++i)
            workers.post(
                [this] {
                    ++running_;
                    most_ = std::max(most_.load(), running_.load());
                    go_on_.wait();
                    --running_;
                    ++ended_;
                },
                urgency);
    }

    void wait_for(unsigned running) const {
        while (running_ != running)
            std::this_thread::yield();
    }

    void let_go() { may_go_on_.set_value(); }

    unsigned most() const { return most_; }

    unsigned ended() const { return ended_; }

private:
    std::promise<void> may_go_on_;
    std::shared_future<void> go_on_ = may_go_on_.get_future().share();
    std::atomic<unsigned> running_ = 0;
    std::atomic<unsigned> most_ = 0;
    std::atomic<unsigned> ended_ = 0;
};

TEST(Workers, RunNoMoreJobsThanTheLimit) {
    std::optional<Held> jobs;
    {
        Workers workers(6);
        workers.limit({.jobs = 2});
        jobs.emplace(workers, 50, Urgency::next);
        jobs->wait_for(2);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        EXPECT_EQ(jobs->most(), 2u);
        jobs->let_go();
        while (jobs->ended() < 50)
            std::this_thread::yield();
        EXPECT_EQ(jobs->most(), 2u);
    }
}

TEST(Workers, ReadNoMoreThanTheLimitAndDoOtherJobsMeanwhile) {
    std::optional<Held> reads;
    std::optional<Held> others;
    {
        Workers workers(6);
        const LimitedWorkers limited(workers, {.reads = 2});
        reads.emplace(workers, 40, Urgency::read);
        others.emplace(workers, 4, Urgency::last);
        reads->wait_for(2);
        others->wait_for(4);
        others->let_go();
        reads->let_go();
        while (reads->ended() < 40)
            std::this_thread::yield();
        EXPECT_EQ(reads->most(), 2u);
    }
    EXPECT_EQ(others->ended(), 4u);
}

TEST(Workers, AreAllThereWhenTheLimitIsLifted) {
    Workers workers(4);
    Held jobs(workers, 4, Urgency::read);
    {
        const LimitedWorkers limited(workers, {.jobs = 1, .reads = 1});
    }
    jobs.wait_for(4);
    jobs.let_go();
    while (jobs.ended() < 4)
        std::this_thread::yield();
}

TEST(Workers, EndWhateverTheLimit) {
    std::atomic<unsigned> ended = 0;
    {
        Workers workers(4);
        workers.limit({.jobs = 1, .reads = 1});
        for (int i = 0; i < 100; ++i)
            workers.post([&] { ++ended; }, i % 2 == 0 ? Urgency::read : Urgency::next);
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
