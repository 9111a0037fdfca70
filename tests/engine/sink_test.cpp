// Loads whose bytes go to a sink.
#include <tz/engine/load.hpp>
#include <tz/engine/loop.hpp>
#include <tz/engine/sink.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/memory_source.hpp>
#include <tz/tests/support/slow_source.hpp>

#include <boost/asio/steady_timer.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <random>

namespace tz {
namespace {

using namespace std::chrono_literals;

/// Keeps what it is given, after a while, and notes what is against the rules.
class KeepingSink final : public Sink {
public:
    bool ordered = false;
    bool restarts = false;
    std::function<void()> on_restart;
    std::string fails; ///< the name of the call that throws
    int puts_before_failing = 0;

    std::map<std::string, std::vector<std::byte>> tensors; ///< by name
    std::vector<std::string> calls;                        ///< all but put()
    std::vector<std::string> wrongs;

    bool in_order() const override { return ordered; }

    void begin(std::span<const Item> items, std::uint64_t cut_bytes) override {
        note("begin");
        cut_bytes_ = cut_bytes;
        items_ = items;
        tensors_.resize(items.size());
        for (std::size_t i = 0; i < items.size(); ++i)
            tensors_[i].bytes.resize(items[i].bytes);
    }

    awaitable<void> open(Loop&) override {
        note("open");
        co_return;
    }

    awaitable<void> put(Loop& loop, std::span<const Part> parts) override {
        asio::steady_timer timer(loop.context());
        timer.expires_after(std::chrono::microseconds(std::random_device{}() % 300));
        co_await timer.async_wait(use_awaitable);
        const std::lock_guard lock(mutex_);
        if (fails == "put" && puts_before_failing-- == 0)
            throw Error(errc::io, "the sink is full").in("sink");
        for (const Part& part : parts) {
            Tensor& tensor = tensors_[part.item];
            expect(items_[part.item].slice || part.offset % cut_bytes_ == 0, "cut elsewhere");
            expect(!part.bytes.empty() && !tensor.complete, "empty, or behind the end");
            expect(part.offset + part.bytes.size() <= tensor.bytes.size(), "outside");
            std::ranges::copy(part.bytes, tensor.bytes.begin() + static_cast<long>(part.offset));
            std::ranges::fill(part.bytes, std::byte{0xee}); // which it may
            tensor.got += part.bytes.size();
        }
    }

    awaitable<void> complete(Loop&, std::span<const std::uint32_t> items) override {
        const std::lock_guard lock(mutex_);
        for (const std::uint32_t item : items) {
            Tensor& tensor = tensors_[item];
            const bool meta = items_[item].tensor->meta();
            expect(!tensor.complete, "complete twice");
            expect(tensor.got == (meta ? 0 : tensor.bytes.size()), "not every byte once");
            tensor.complete = true;
            tensors[items_[item].tensor->name] = tensor.bytes;
        }
        co_return;
    }

    bool restart(std::uint32_t item) override {
        const std::lock_guard lock(mutex_);
        tensors_[item].got = 0;
        on_restart();
        return restarts;
    }

    awaitable<void> close(Loop&) override {
        note("close");
        co_return;
    }

    awaitable<void> abandon(Loop&, std::chrono::steady_clock::time_point) noexcept override {
        fails.clear();
        note("abandon");
        co_return;
    }

private:
    struct Tensor {
        std::vector<std::byte> bytes;
        std::uint64_t got = 0;
        bool complete = false;
    };

    void note(const std::string& call) {
        calls.push_back(call);
        if (fails == call)
            throw Error(errc::io, "it does not " + call).in("sink");
    }

    void expect(bool right, const std::string& wrong) {
        if (!right)
            wrongs.push_back(wrong);
    }

    std::mutex mutex_;
    std::span<const Item> items_;
    std::uint64_t cut_bytes_ = 1;
    std::vector<Tensor> tensors_;
};

using Calls = std::vector<std::string>;

class SinkLoad : public testing::Test {
protected:
    SinkLoad() {
        engine_.chunk_bytes = 256 << 10;
        engine_.workers = 2;
        load_.memory = Memory::none;
        load_.sink = &sink_;
    }

    void save_sample(std::uint64_t piece_bytes) {
        SaveOptions saving;
        if (piece_bytes > 0) {
            saving.key = load_.key = test::sample_key();
            saving.piece_bytes = piece_bytes;
        }
        save(folder_ / "file", sample_.views, saving);
    }

    LoadStats load_sample() {
        Engine engine(engine_);
        return load(engine, open_file(folder_ / "file"), load_).stats;
    }

    void expect_all() {
        EXPECT_EQ(sink_.wrongs, Calls{});
        EXPECT_EQ(sink_.calls, (Calls{"begin", "open", "close"}));
        ASSERT_EQ(sink_.tensors.size(), sample_.data.size());
        for (std::size_t i = 0; i < sample_.data.size(); ++i)
            EXPECT_EQ(sink_.tensors.at("t" + std::to_string(i)), sample_.data[i]) << i;
    }

    test::TempFolder folder_;
    test::Sample sample_{{100, 3 << 20, 0, 1'000'001, 17, 70'000, 1, 0}};
    KeepingSink sink_;
    EngineOptions engine_;
    LoadOptions load_;
};

TEST_F(SinkLoad, GivesEachByteOnceAndEachTensorWhole) {
    save_sample(0);
    const LoadStats stats = load_sample();
    expect_all();
    EXPECT_EQ(stats.put.bytes, stats.bytes);
}

TEST_F(SinkLoad, GivesWhatWasSealedInThePlain) {
    save_sample(64 << 10); // whole pieces in each chunk
    load_sample();
    expect_all();
}

TEST_F(SinkLoad, GivesPiecesThatNoChunkHolds) {
    save_sample(3 << 20);
    load_sample();
    expect_all();
}

TEST_F(SinkLoad, GivesWhatIsHashedInOrder) {
    save_sample(0);
    sink_.ordered = true;
    load_.verify = Verify::all;
    load_.digests = true;
    load_sample();
    expect_all();
}

TEST_F(SinkLoad, RunsOnSeveralLoops) {
    save_sample(0);
    engine_.loops = 3;
    engine_.concurrency = 7;
    load_sample();
    expect_all();
}

TEST_F(SinkLoad, GivesSlicesAsTheyAreHandedOut) {
    const auto data = test::random_bytes(1000 * 3000);
    TensorView view;
    view.spec = {"t", format::TensorKind::state, "|u1", {1000, 3000}, data.size()};
    view.data = data;
    save(folder_ / "file", {&view, 1});
    load_.selection.slices = {{"t", 1, 100, 1700}};
    load_.selection.read_whole_for_hashes = true; // chunks hold runs in part
    load_.verify = Verify::sha256;
    load_sample();
    EXPECT_EQ(sink_.wrongs, Calls{});
    const auto& got = sink_.tensors.at("t");
    ASSERT_EQ(got.size(), 1'600'000u);
    for (std::size_t row = 0; row < 1000; ++row)
        ASSERT_TRUE(std::equal(
            got.begin() + static_cast<long>(1600 * row),
            got.begin() + static_cast<long>(1600 * (row + 1)),
            data.begin() + static_cast<long>(3000 * row + 100)))
            << row;
}

TEST_F(SinkLoad, EndsWithWhatTheSinkThrowsAndLetsItGo) {
    save_sample(0);
    for (const char* call : {"begin", "open", "put", "close"}) {
        KeepingSink sink;
        sink.fails = call;
        sink.puts_before_failing = 5;
        load_.sink = &sink;
        const auto error = test::error_of([&] { load_sample(); });
        ASSERT_TRUE(error) << call;
        EXPECT_EQ(error->source(), "sink") << call;
        EXPECT_EQ(std::ranges::count(sink.calls, "abandon"), 1) << call;
        EXPECT_EQ(sink.calls.back(), "abandon") << call;
    }
}

TEST_F(SinkLoad, LetsGoWhenItIsCancelled) {
    save_sample(0);
    auto source = std::make_shared<test::MemorySource>(test::read_file(folder_ / "file"));
    std::stop_source stop;
    load_.stop = stop.get_token();
    source->before_read = [&](std::uint64_t read) {
        if (read == 4)
            stop.request_stop();
    };
    Engine engine(engine_);
    const auto error = test::error_of([&] { load(engine, source, load_); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::cancelled);
    EXPECT_EQ(sink_.calls, (Calls{"begin", "open", "abandon"}));
}

/// A server's object with a damaged bit in a plain tensor.
class DamagedLoad : public SinkLoad {
protected:
    DamagedLoad() {
        save_sample(0);
        source_ = std::make_shared<test::SlowSource>(
            "object", std::make_shared<test::SlowHost>(), test::read_file(folder_ / "file"));
        flip();
    }

    void flip() { source_->content[source_->content.size() - 200'000] ^= std::byte{1}; }

    std::optional<Error> failure() {
        Engine engine(engine_);
        return test::error_of([&] { load(engine, source_, load_); });
    }

    std::shared_ptr<test::SlowSource> source_;
};

TEST_F(DamagedLoad, GivesATensorOnceMore) {
    sink_.restarts = true;
    sink_.on_restart = [this] { flip(); };
    EXPECT_FALSE(failure());
    expect_all();
}

TEST_F(DamagedLoad, FailsWhereTheSinkCannotTakeItOnceMore) {
    sink_.on_restart = [this] { flip(); };
    const auto error = failure();
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::integrity);
    EXPECT_EQ(sink_.calls.back(), "abandon");
}

TEST_F(SinkLoad, TakesThePlaceOfMemory) {
    save_sample(0);
    load_.memory = Memory::owned;
    EXPECT_EQ(test::error_of([&] { load_sample(); })->kind(), errc::usage);
}

} // namespace
} // namespace tz
