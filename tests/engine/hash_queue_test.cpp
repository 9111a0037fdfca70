#include <tz/engine/hash_queue.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/run.hpp>

#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <thread>

namespace tz {
namespace {

/// One tensor's chunk.
struct Chunk {
    explicit Chunk(std::size_t size, std::uint64_t seed) : bytes(test::random_bytes(size, seed)) {
        task.parts.push_back({&stream, bytes});
        task.bytes = bytes.size();
    }

    std::vector<std::byte> bytes;
    format::Sha256Stream stream;
    HashTask task;
};

awaitable<void> hash(HashQueue& queue, Workers& workers, Chunk& chunk, unsigned& ended) {
    co_await queue.run(chunk.task, workers);
    ++ended;
}

TEST(HashQueue, HashesEveryTaskOnceThoughTheyAreTakenTogether) {
    for (const unsigned threads : {1u, 3u}) {
        asio::io_context context;
        Workers workers(threads);
        HashQueue queue;
        std::vector<std::unique_ptr<Chunk>> chunks;
        unsigned ended = 0;
        std::atomic<int> then = 0;
        for (std::size_t i = 0; i < 20; ++i) {
            auto& chunk = *chunks.emplace_back(std::make_unique<Chunk>(5000 * i + 1, i));
            chunk.task.then = [&](const JobTimes&, double share) {
                EXPECT_GT(share, 0);
                EXPECT_LE(share, 1);
                ++then;
            };
            asio::co_spawn(context, hash(queue, workers, chunk, ended), asio::detached);
        }
        context.run_for(std::chrono::seconds(20));
        EXPECT_EQ(ended, 20u);
        EXPECT_EQ(then, 20);
        for (auto& chunk : chunks)
            EXPECT_EQ(chunk->stream.finish(), format::sha256(chunk->bytes));
    }
}

TEST(HashQueue, TakesAlongWhatWaitsUpToItsLimit) {
    asio::io_context context;
    Workers workers(1);
    HashQueue queue;
    std::atomic<bool> go = false;
    workers.post(
        [&] { // the only worker is busy until all wait
            while (!go)
                std::this_thread::yield();
        },
        Urgency::last);
    std::vector<std::unique_ptr<Chunk>> chunks;
    unsigned ended = 0;
    std::vector<double> shares;
    for (std::size_t i = 0; i < 2 * HashQueue::together_max; ++i) {
        auto& chunk = *chunks.emplace_back(std::make_unique<Chunk>(64 << 10, i));
        chunk.task.then = [&](const JobTimes&, double share) { shares.push_back(share); };
        asio::co_spawn(context, hash(queue, workers, chunk, ended), asio::detached);
    }
    asio::post(context, [&] { go = true; });
    context.run_for(std::chrono::seconds(20));
    EXPECT_EQ(ended, 2 * HashQueue::together_max);
    for (const double share : shares)
        EXPECT_NEAR(share, 1.0 / HashQueue::together_max, 1e-9);
}

TEST(HashQueue, MayGoBeforeTheJobsWhoseTasksWereTakenAlong) {
    asio::io_context context;
    Workers workers(1);
    auto queue = std::make_unique<HashQueue>();
    std::atomic<bool> begin = false;
    std::atomic<bool> go_on = false;
    const auto until = [](std::atomic<bool>& flag) {
        while (!flag)
            std::this_thread::yield();
    };
    Chunk first(1000, 1);
    Chunk second(1000, 2);
    first.task.then = second.task.then = [](const JobTimes&, double) {};
    unsigned ended = 0;
    workers.post([&] { until(begin); }, Urgency::last);
    asio::co_spawn(context, hash(*queue, workers, first, ended), asio::detached);
    // between the two jobs
    asio::post(context, [&] { workers.post([&] { until(go_on); }, Urgency::last); });
    asio::co_spawn(context, hash(*queue, workers, second, ended), asio::detached);
    asio::post(context, [&] { begin = true; });
    context.run_for(std::chrono::seconds(20));
    ASSERT_EQ(ended, 2u);
    queue.reset(); // the second's job is still to come
    go_on = true;
}

TEST(HashQueue, GivesEachTaskItsOwnError) {
    asio::io_context context;
    Workers workers(1);
    HashQueue queue;
    Chunk good(1000, 1);
    Chunk bad(1000, 2);
    good.task.then = [](const JobTimes&, double) {};
    bad.task.then = [](const JobTimes&, double) { throw std::runtime_error("wrong hash"); };
    unsigned ended = 0;
    EXPECT_THROW(test::run(context, hash(queue, workers, bad, ended)), std::runtime_error);
    test::run(context, hash(queue, workers, good, ended));
    EXPECT_EQ(ended, 1u);
}

} // namespace
} // namespace tz
