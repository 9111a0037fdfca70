// What brings a coroutine back to its loop takes no memory: every allocation fails meanwhile.
#include "failing_calls.hpp"
#include <tz/engine/crew.hpp>
#include <tz/engine/gate.hpp>
#include <tz/engine/hash_queue.hpp>
#include <tz/engine/workers.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <future>
#include <new>
#include <optional>
#include <thread>
#include <vector>

namespace tz {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t all = std::uint64_t{1} << 32;

void run(asio::io_context& context) {
    context.restart();
    context.run_for(30s);
}

TEST(WantOfMemory, MeetsWhatAsioTakes) {
    asio::io_context context;
    const soak::FailingAllocation failing(0, all);
    bool failed = false;
    try {
        asio::post(context, [] {});
    } catch (const std::bad_alloc&) {
        failed = true;
    }
    EXPECT_TRUE(failed);
    EXPECT_TRUE(failing.met());
}

awaitable<void> pass(Gate& gate, bool& passed) {
    co_await gate.reached(1);
    passed = true;
}

TEST(WantOfMemory, KeepsNobodyBeforeAGate) {
    asio::io_context context;
    Gate gate;
    bool passed = false;
    asio::co_spawn(context, pass(gate, passed), asio::detached);
    context.run_for(1ms);
    {
        const soak::FailingAllocation failing(0, all);
        gate.advance(1);
        EXPECT_FALSE(failing.met());
    }
    run(context);
    EXPECT_TRUE(passed);
}

/// A worker that is let go when everything fails.
class Held {
public:
    auto job() {
        return [this] {
            begun_.set_value();
            let_go_.get_future().wait();
        };
    }

    void wait_until_begun() { begun_.get_future().wait(); }

    void let_go() { let_go_.set_value(); }

private:
    std::promise<void> begun_;
    std::promise<void> let_go_;
};

awaitable<void> work(Workers& workers, Held& held, bool& ended) {
    auto job = held.job();
    co_await workers.run(std::move(job));
    ended = true;
}

TEST(WantOfMemory, LosesNoJob) {
    asio::io_context context;
    std::optional<Workers> workers(1);
    Held held;
    bool ended = false;
    asio::co_spawn(context, work(*workers, held, ended), asio::detached);
    context.run_for(1ms);
    held.wait_until_begun();
    {
        const soak::FailingAllocation failing(0, all);
        held.let_go();
        workers.reset(); // ends when it has posted
    }
    run(context);
    EXPECT_TRUE(ended);
}

awaitable<void>
hash(HashQueue& queue, Workers& workers, HashTask& task, std::exception_ptr& error) {
    try {
        co_await queue.run(task, workers);
    } catch (...) {
        error = std::current_exception();
    }
}

TEST(WantOfMemory, LosesNoHashing) {
    asio::io_context context;
    std::optional<Workers> workers(1);
    HashQueue queue;
    Held held;
    workers->post(held.job(), Urgency::next);
    held.wait_until_begun();
    const std::vector<std::byte> bytes(1000);
    format::Sha256Stream stream;
    HashTask task;
    task.parts.push_back({&stream, bytes});
    task.bytes = bytes.size();
    task.then = [](const JobTimes&, double) {};
    std::exception_ptr error;
    asio::co_spawn(context, hash(queue, *workers, task, error), asio::detached);
    context.run_for(1ms);
    {
        const soak::FailingAllocation failing(0, all);
        held.let_go();
        workers.reset();
    }
    run(context);
    ASSERT_TRUE(error) << "its list of parts takes memory";
    EXPECT_THROW(std::rethrow_exception(error), std::bad_alloc);
}

awaitable<void> wait_long(Loop& loop, std::atomic<int>& waiting) {
    asio::steady_timer timer(loop.context(), 10min);
    ++waiting;
    co_await timer.async_wait(use_awaitable);
}

/// Whether a load stops of which each of the first `count` allocations fails from then on.
void stop_without_memory(std::uint64_t count) {
    Pools pools(1, 1);
    Loop::Setup setup;
    setup.uring = false;
    Loop loop(setup, pools);
    std::atomic<int> waiting = 0;
    Crew crew;
    std::vector<awaitable<void>> members;
    members.reserve(3);
    for (int i = 0; i < 3; ++i)
        members.push_back(wait_long(loop, waiting));
    crew.start(loop, std::move(members));
    while (waiting < 3)
        std::this_thread::sleep_for(1ms);
    const auto reason = std::make_exception_ptr(std::bad_alloc());
    {
        const soak::FailingAllocation failing(0, count);
        crew.stop(reason);
        std::this_thread::sleep_for(20ms); // until the loop was told
    }
    EXPECT_THROW(crew.wait(10ms, {}), std::bad_alloc);
}

TEST(WantOfMemory, StopsALoadAllTheSame) {
    for (const std::uint64_t count : {1u, 2u, 5u})
        stop_without_memory(count);
}

} // namespace
} // namespace tz
