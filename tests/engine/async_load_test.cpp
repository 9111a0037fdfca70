// The asynchronous face of load(): where it completes, how it is cancelled, and who waits for whom.
#include <tz/engine/async.hpp>
#include <tz/engine/async_load.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/memory_source.hpp>
#include <tz/tests/support/run.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <random>
#include <stop_token>
#include <thread>

namespace tz {
namespace {

using namespace std::chrono_literals;

std::optional<errc> kind_of(std::exception_ptr failure) {
    const auto error = test::error_of([&] {
        if (failure)
            std::rethrow_exception(failure);
    });
    return error ? std::optional(error->kind()) : std::nullopt;
}

class AsyncLoad : public testing::Test {
protected:
    AsyncLoad() {
        save(path(), sample.views);
        options.verify = Verify::all;
    }

    std::string path() const { return folder / "file"; }

    /// A source whose reads take so long that a load of it does not end by itself.
    std::shared_ptr<test::MemorySource> slow(std::chrono::microseconds delay = 100s) const {
        auto source = std::make_shared<test::MemorySource>(test::read_file(path()));
        source->delay = delay;
        return source;
    }

    void expect_sample(const LoadedFile& loaded) const {
        ASSERT_EQ(loaded.tensors.size(), sample.data.size());
        for (std::size_t i = 0; i < sample.data.size(); ++i)
            EXPECT_TRUE(std::ranges::equal(loaded.tensors[i], sample.data[i])) << i;
    }

    test::TempFolder folder;
    test::Sample sample{{100'000, 3, 2 << 20}};
    LoadOptions options;
    asio::io_context context; // outlives the engine
};

TEST_F(AsyncLoad, CompletesOnTheHandlersExecutorWhichHasWorkUntilThen) {
    Engine engine;
    std::thread::id completed_on;
    std::optional<Loaded> result;
    const auto handler = [&](std::exception_ptr failure, Loaded loaded) {
        EXPECT_FALSE(failure);
        completed_on = std::this_thread::get_id();
        result = std::move(loaded);
    };
    async_load(engine, open_file(path()), options, asio::bind_executor(context, handler));
    EXPECT_FALSE(result); // never inside the call
    std::thread runner([this] { context.run(); });
    const std::thread::id runner_id = runner.get_id();
    runner.join();
    ASSERT_TRUE(result);
    EXPECT_EQ(completed_on, runner_id);
    expect_sample(*result);
    EXPECT_EQ(result->stats.tensors, sample.data.size());
}

TEST_F(AsyncLoad, RunsCallbacksOnAThreadOfItsOwn) {
    Engine engine;
    std::vector<std::thread::id> threads;
    const auto note = [&] { threads.push_back(std::this_thread::get_id()); };
    options.progress = [&](const Progress&) { note(); };
    options.deliver = [&](const Delivered&) { note(); };
    options.selection.wanted = [&](const format::Tensor&) {
        note();
        return true;
    };
    async_load(engine, open_file(path()), options, asio::use_future).get();
    ASSERT_GE(threads.size(), 3u);
    EXPECT_NE(threads.front(), std::this_thread::get_id());
    for (const auto& thread : threads)
        EXPECT_EQ(thread, threads.front());
}

TEST_F(AsyncLoad, LetsGoOfCallbacksAndSourceBeforeItCompletes) {
    Engine engine;
    const std::shared_ptr<const Source> source = open_file(path());
    const auto token = std::make_shared<int>();
    options.progress = [token](const Progress&) {};
    const auto handler = [&](std::exception_ptr, Loaded) {
        EXPECT_EQ(token.use_count(), 1);
        EXPECT_EQ(source.use_count(), 1);
    };
    async_load(engine, source, std::move(options), asio::bind_executor(context, handler));
    options = {};
    context.run();
}

TEST_F(AsyncLoad, FailsWithWhatLoadThrows) {
    Engine engine;
    options.verify = Verify::none;
    options.key = test::sample_key(); // which a plain file must not have
    std::exception_ptr failure;
    const auto handler = [&](std::exception_ptr error, Loaded loaded) {
        failure = error;
        EXPECT_TRUE(loaded.tensors.empty());
    };
    async_load(engine, open_file(path()), options, asio::bind_executor(context, handler));
    context.run();
    const auto error = test::error_of([&] { std::rethrow_exception(failure); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::auth);
    EXPECT_EQ(error->source(), path());
}

awaitable<void> load_in_turn(
    Engine& engine,
    const std::string& path,
    const LoadOptions& options,
    std::vector<Loaded>& results) {
    for (int i = 0; i < 2; ++i) {
        Loaded loaded = co_await async_load(engine, open_file(path), options, use_awaitable);
        results.push_back(std::move(loaded));
    }
}

awaitable<void> load_once(
    Engine& engine, const std::shared_ptr<test::MemorySource>& source, const LoadOptions& options) {
    co_await async_load(engine, source, options, use_awaitable);
}

TEST_F(AsyncLoad, IsAwaitedByACoroutine) {
    Engine engine;
    std::vector<Loaded> results;
    const std::string file = path();
    test::run(context, load_in_turn(engine, file, options, results));
    ASSERT_EQ(results.size(), 2u);
    expect_sample(results[0]);
    expect_sample(results[1]);
}

TEST_F(AsyncLoad, ThrowsIntoACoroutine) {
    Engine engine;
    options.key = test::sample_key();
    std::vector<Loaded> results;
    const std::string file = path();
    const auto error =
        test::error_of([&] { test::run(context, load_in_turn(engine, file, options, results)); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::auth);
}

TEST_F(AsyncLoad, GivesAFuture) {
    Engine engine;
    std::future<Loaded> future = async_load(engine, open_file(path()), options, asio::use_future);
    expect_sample(future.get());
    options.key = test::sample_key();
    future = async_load(engine, open_file(path()), options, asio::use_future);
    EXPECT_THROW(future.get(), Error);
}

TEST_F(AsyncLoad, LoadsSeveralFiles) {
    Engine engine;
    const std::vector<std::shared_ptr<const Source>> sources{open_file(path()), open_file(path())};
    const LoadedFiles loaded = async_load(engine, sources, options, asio::use_future).get();
    ASSERT_EQ(loaded.files.size(), 2u);
    expect_sample(loaded.files[0]);
    expect_sample(loaded.files[1]);
}

TEST_F(AsyncLoad, IsStoppedByACancellationOfAnyType) {
    for (const auto type :
         {asio::cancellation_type::terminal,
          asio::cancellation_type::partial,
          asio::cancellation_type::total}) {
        Engine engine;
        asio::cancellation_signal signal;
        std::optional<errc> kind;
        auto handler = [&](std::exception_ptr failure, Loaded) { kind = kind_of(failure); };
        async_load(
            engine,
            slow(),
            options,
            asio::bind_cancellation_slot(
                signal.slot(), asio::bind_executor(context, std::move(handler))));
        asio::steady_timer timer(context, 20ms);
        timer.async_wait([&](error_code) { signal.emit(type); });
        context.restart();
        context.run();
        EXPECT_EQ(kind, errc::cancelled);
        signal.emit(type); // after the end: nobody listens
    }
}

TEST_F(AsyncLoad, IsStoppedWithTheCoroutineThatAwaitsIt) {
    Engine engine;
    const auto source = slow();
    asio::cancellation_signal signal;
    std::optional<errc> kind;
    auto ended = [&](std::exception_ptr failure) { kind = kind_of(failure); };
    asio::co_spawn(
        context,
        load_once(engine, source, options),
        asio::bind_cancellation_slot(signal.slot(), std::move(ended)));
    asio::steady_timer timer(context, 20ms);
    timer.async_wait([&](error_code) { signal.emit(asio::cancellation_type::terminal); });
    context.run();
    EXPECT_EQ(kind, errc::cancelled);
}

TEST_F(AsyncLoad, IsStoppedByTheStopOfItsOptions) {
    Engine engine;
    std::stop_source stop;
    options.stop = stop.get_token();
    std::future<Loaded> future = async_load(engine, slow(), options, asio::use_future);
    EXPECT_EQ(future.wait_for(20ms), std::future_status::timeout);
    stop.request_stop();
    const auto error = test::error_of([&] { future.get(); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::cancelled);
}

TEST_F(AsyncLoad, CanBeCancelledAtAnyMoment) {
    EngineOptions engine_options;
    engine_options.chunk_bytes = 64 << 10;
    Engine engine(engine_options);
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    constexpr std::array types{
        asio::cancellation_type::terminal,
        asio::cancellation_type::partial,
        asio::cancellation_type::total};
    int completed = 0;
    int cancelled = 0;
    for (int i = 0; i < 200; ++i) {
        asio::cancellation_signal signal;
        auto handler = [&](std::exception_ptr failure, Loaded loaded) {
            ++completed;
            if (!failure)
                return expect_sample(loaded);
            ++cancelled;
            EXPECT_EQ(kind_of(failure), errc::cancelled);
        };
        async_load(
            engine,
            open_file(path()),
            options,
            asio::bind_cancellation_slot(
                signal.slot(), asio::bind_executor(context, std::move(handler))));
        asio::steady_timer timer(context, std::chrono::microseconds(random() % 6000));
        timer.async_wait([&](error_code) { signal.emit(types[random() % types.size()]); });
        context.restart();
        context.run();
        ASSERT_EQ(completed, i + 1);
    }
    EXPECT_GT(cancelled, 0);
    expect_sample(load(engine, open_file(path()), options));
}

TEST_F(AsyncLoad, TakesItsTurnOnTheEngine) {
    Engine engine;
    std::atomic<int> under_way = 0;
    std::atomic<int> most = 0;
    const auto source = slow(1ms);
    source->before_read = [&](std::uint64_t) { most = std::max(most.load(), under_way.load()); };
    // the index is read before `wanted` is asked, so these bounds hold from there on
    options.selection.wanted = [&, last = false](const format::Tensor& tensor) mutable {
        if (!std::exchange(last, true))
            ++under_way;
        return tensor.bytes > 0;
    };
    int completed = 0;
    for (int i = 0; i < 3; ++i) {
        auto handler = [&](std::exception_ptr failure, Loaded loaded) {
            EXPECT_FALSE(failure);
            expect_sample(loaded);
            ++completed;
        };
        options.progress = [&](const Progress& now) {
            if (now.bytes_total > 0 && now.bytes_done == now.bytes_total)
                under_way = 0;
        };
        async_load(engine, source, options, asio::bind_executor(context, std::move(handler)));
    }
    context.run();
    EXPECT_EQ(completed, 3);
    EXPECT_EQ(most, 1);
}

TEST_F(AsyncLoad, IsCancelledWhileItWaitsForItsTurn) {
    Engine engine;
    std::stop_source stop_first;
    options.stop = stop_first.get_token();
    std::future<Loaded> first = async_load(engine, slow(), options, asio::use_future);
    std::stop_source stop_second;
    options.stop = stop_second.get_token();
    std::future<Loaded> second = async_load(engine, slow(), options, asio::use_future);
    stop_second.request_stop();
    EXPECT_THROW(second.get(), Error);
    EXPECT_EQ(first.wait_for(0s), std::future_status::timeout);
    stop_first.request_stop();
    EXPECT_THROW(first.get(), Error);
}

TEST_F(AsyncLoad, IsWaitedForByTheDestructorOfTheEngine) {
    auto engine = std::make_unique<Engine>();
    std::optional<Loaded> result;
    std::atomic<bool> delivered = false;
    options.deliver = [&](const Delivered&) { delivered = true; };
    auto handler = [&](std::exception_ptr, Loaded loaded) { result = std::move(loaded); };
    async_load(*engine, slow(5ms), options, asio::bind_executor(context, std::move(handler)));
    engine.reset();
    EXPECT_TRUE(delivered);
    EXPECT_FALSE(result);
    context.run(); // the handler needs no engine
    ASSERT_TRUE(result);
    expect_sample(*result);
}

TEST_F(AsyncLoad, MayEndWithTheEngineInItsHandler) {
    auto engine = std::make_unique<Engine>();
    std::promise<void> done;
    // without an executor of its own
    async_load(*engine, open_file(path()), options, [&](std::exception_ptr, Loaded) {
        engine.reset();
        done.set_value();
    });
    EXPECT_EQ(done.get_future().wait_for(20s), std::future_status::ready);
}

TEST_F(AsyncLoad, DropsItsHandlerWithTheContext) {
    Engine engine;
    auto own = std::make_unique<asio::io_context>();
    auto token = std::make_shared<int>();
    bool completed = false;
    auto handler = [&completed, token](std::exception_ptr, Loaded) { completed = true; };
    std::promise<void> done;
    options.progress = [&](const Progress& now) {
        if (now.bytes_total > 0 && now.bytes_done == now.bytes_total)
            done.set_value();
    };
    async_load(engine, open_file(path()), options, asio::bind_executor(*own, std::move(handler)));
    done.get_future().wait();
    std::this_thread::sleep_for(50ms);
    own.reset(); // it never ran
    EXPECT_FALSE(completed);
    EXPECT_EQ(token.use_count(), 1);
}

} // namespace
} // namespace tz
