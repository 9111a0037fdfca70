// Reads that fail, stop short or are interrupted, at each place in a load, by both backends and on
// each route: the right bytes or a typed error that names file and byte, and nothing left behind.
#include <tz/engine/load.hpp>
#include <tz/engine/ring.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/support/faults.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/held.hpp>
#include <tz/tests/support/sanitizer.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/execution.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <new>
#include <optional>
#include <random>
#include <unistd.h>
#include <utility>

namespace tz {
namespace {

using test::Faults;
using test::FaultyKernel;
using test::ReadCall;
using test::ReadFate;

/// How the file is read.
struct Way {
    const char* name;
    Io io;
    Direct direct;
    test::Cache cache;
};

std::ostream& operator<<(std::ostream& out, const Way& way) {
    return out << way.name;
}

constexpr Way threads_direct{"ThreadsDirect", Io::threads, Direct::on, test::Cache::cold};
constexpr Way uring_direct{"UringDirect", Io::uring, Direct::automatic, test::Cache::cold};
constexpr Way ways[] = {
    threads_direct,
    uring_direct,
    {"ThreadsCached", Io::threads, Direct::automatic, test::Cache::hot},
    {"ThreadsBuffered", Io::threads, Direct::off, test::Cache::cold},
    {"ThreadsUnknown", Io::threads, Direct::automatic, test::Cache::unknown},
    {"UringCached", Io::uring, Direct::automatic, test::Cache::hot},
    {"UringBuffered", Io::uring, Direct::off, test::Cache::cold},
};

class FileFaults : public testing::TestWithParam<Way> {
protected:
    void SetUp() override {
        save(path_, sample_.views);
        SaveOptions sealing;
        sealing.key = test::sample_key();
        sealing.piece_bytes = 96'000; // chunks hold no whole pieces of it: gathered
        save(sealed_path_, sample_.views, sealing);
        if (GetParam().io == Io::uring && !ring_facts().usable)
            GTEST_SKIP() << ring_facts().reason;
        if (direct() && !file_facts(path_).direct)
            GTEST_SKIP() << "the filesystem has no direct reads";
        before_engine_ = test::held();
        engine_ = std::make_unique<Engine>(engine_options());
        {
            const FaultyKernel kernel({.cache = test::Cache::cold});
            load(*engine_, open_file(path_, Direct::off)); // starts all pools, by reads that wait
        }
        for (const bool sealed : {false, true}) {
            const FaultyKernel kernel(faults());
            load_one(sealed);
            reads_[sealed] = kernel.reads();
            submits_ = kernel.submits();
            ASSERT_GT(kernel.reads(), 10u);
            ASSERT_EQ(kernel.direct_reads() > 0, direct());
            ASSERT_EQ(kernel.ring_reads() > 0, direct() && GetParam().io == Io::uring);
        }
    }

    void TearDown() override {
        if (!engine_)
            return;
        engine_.reset();
        EXPECT_EQ(test::held_soon(before_engine_), before_engine_);
    }

    EngineOptions engine_options() {
        EngineOptions options;
        options.io = GetParam().io;
        options.loops = 2;
        options.workers = 2;
        options.concurrency = 4;
        options.chunk_bytes = 128 << 10;
        options.log = [this](LogLevel level, const std::string& text) {
            warnings_ += level == LogLevel::warning && text.find("refuses direct") != text.npos;
        };
        return options;
    }

    bool direct() const { return GetParam().direct != Direct::off && cold(); }

    bool cold() const { return GetParam().cache == test::Cache::cold; }

    Faults faults() const {
        Faults none;
        none.cache = GetParam().cache;
        return none;
    }

    Faults faults(std::function<ReadFate(const ReadCall&)> read) const {
        Faults some = faults();
        some.read = std::move(read);
        return some;
    }

    const std::string& path_of(bool sealed) const { return sealed ? sealed_path_ : path_; }

    /// Loads with nothing checked that need not be: wrong bytes shall not hide behind a hash.
    LoadStats load_one(bool sealed) {
        LoadOptions options;
        options.verify = Verify::none;
        return load_one(sealed, options);
    }

    LoadStats load_one(bool sealed, LoadOptions options) {
        if (sealed)
            options.key = test::sample_key();
        const Loaded loaded =
            load(*engine_, open_file(path_of(sealed), GetParam().direct), options);
        EXPECT_EQ(loaded.tensors.size(), sample_.data.size());
        for (std::size_t i = 0; i < loaded.tensors.size(); ++i)
            EXPECT_TRUE(std::ranges::equal(loaded.tensors[i], sample_.data[i])) << "tensor " << i;
        return loaded.stats;
    }

    /// Loads with faults. What comes out is right; an error names the file and the byte.
    std::optional<Error> attempt(Faults what, bool sealed = false) {
        const std::string& path = path_of(sealed);
        const test::Held before = test::held();
        LoadOptions options;
        options.verify = Verify::none;
        options.deadline = std::chrono::seconds(60); // a hang must not be one for ever
        std::optional<Error> error;
        {
            const FaultyKernel kernel(std::move(what));
            error = test::error_of([&] { stats_ = load_one(sealed, options); });
        }
        if (error) {
            EXPECT_EQ(error->source(), path);
            EXPECT_TRUE(error->offset()) << error->what();
            EXPECT_LE(error->offset().value_or(0), std::filesystem::file_size(path));
            EXPECT_FALSE(error->hint().empty()) << error->what();
        }
        EXPECT_EQ(test::held_soon(before), before);
        return error;
    }

    /// Loads once for each read that a load makes, with `fate` for that read or from it on; both
    /// files. Sanitizers are slow, and look for what hardly depends on the read: some are enough.
    void at_each_read(
        ReadFate fate, bool sticky, const std::function<void(std::optional<Error>)>& check) {
        constexpr std::uint64_t stride = test::thread_sanitized ? 25 : test::sanitized ? 5 : 1;
        for (const bool sealed : {false, true})
            for (std::uint64_t n = 0; n < reads_[sealed] && !HasFailure(); n += stride) {
                SCOPED_TRACE((sealed ? "sealed, read " : "plain, read ") + std::to_string(n));
                const auto decide = [&](const ReadCall& call) {
                    return call.number == n || (sticky && call.number > n) ? fate : ReadFate{};
                };
                check(attempt(faults(decide), sealed));
            }
    }

    static void expect_success(const std::optional<Error>& error) {
        EXPECT_FALSE(error) << error->what();
    }

    static std::function<void(std::optional<Error>)> expect(errc kind) {
        return [kind](const std::optional<Error>& error) {
            ASSERT_TRUE(error);
            EXPECT_EQ(error->kind(), kind) << error->what();
        };
    }

    test::TempFolder folder_;
    test::Sample sample_{{1'300'000, 100, 0, 300'000, 70'000}};
    std::string path_ = folder_ / "plain";
    std::string sealed_path_ = folder_ / "sealed";
    test::Held before_engine_;
    std::unique_ptr<Engine> engine_;
    std::atomic<int> warnings_ = 0;
    std::uint64_t reads_[2] = {}; ///< that a load makes, plain and sealed
    std::uint64_t submits_ = 0;
    LoadStats stats_;
};

TEST_P(FileFaults, AnInterruptedReadIsRepeated) {
    for (const int error : {EINTR, EAGAIN}) {
        at_each_read({error}, false, [this](const std::optional<Error>& failure) {
            expect_success(failure);
            EXPECT_GE(stats_.retries, 1u);
        });
    }
}

TEST_P(FileFaults, AReadThatKeepsBeingInterruptedFails) {
    for (const int error : {EINTR, EAGAIN})
        at_each_read({error}, true, expect(errc::io));
}

TEST_P(FileFaults, AShortReadIsContinued) {
    for (const std::size_t bytes : {1u, 4096u, 5001u})
        at_each_read({0, bytes}, false, expect_success);
    at_each_read({0, 30'000}, true, expect_success);
}

TEST_P(FileFaults, ReadsOfOneByteEachAreEnough) {
    const test::Sample small({3000, 0, 77});
    save(folder_ / "small", small.views);
    const FaultyKernel kernel(faults([](const ReadCall&) { return ReadFate{0, 1}; }));
    const Loaded loaded = load(*engine_, open_file(folder_ / "small", GetParam().direct));
    EXPECT_TRUE(std::ranges::equal(loaded.tensors[0], small.data[0]));
    EXPECT_TRUE(std::ranges::equal(loaded.tensors[2], small.data[2]));
    EXPECT_GT(kernel.reads(), 3000u);
}

TEST_P(FileFaults, AReadThatFailsFailsTheLoad) {
    for (const int error : {EIO, ESTALE, ENOMEM})
        for (const bool sticky : {false, true})
            at_each_read({error}, sticky, expect(errc::io));
}

TEST_P(FileFaults, AReadThatTheSystemCancelsIsAnErrorLikeAnyOther) {
    at_each_read({ECANCELED}, false, expect(errc::io));
}

TEST_P(FileFaults, AnEndThatComesTooSoonIsAChangedFile) {
    at_each_read({0, 0}, true, expect(errc::object_changed));
    if (!direct()) // else the page cache is asked once more, and has the bytes
        at_each_read({0, 0}, false, expect(errc::object_changed));
}

TEST_P(FileFaults, AnyMixtureOfFaultsAndCancellationsLeavesTheEngineUsable) {
    const std::uint64_t seed = test::seed();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    int failed = 0;
    for (int i = 0; i < 150; ++i) {
        const std::uint64_t schedule = random();
        const auto decide = [schedule](const ReadCall& call) {
            std::mt19937_64 dice(schedule + call.number);
            constexpr int passing[] = {EINTR, EAGAIN};
            switch (dice() % 40) {
            case 0:
            case 1:
            case 2:
                return ReadFate{passing[dice() % 2]};
            case 3:
            case 4:
            case 5:
                return ReadFate{0, 1 + dice() % 200'000};
            case 6:
                return ReadFate{schedule % 4 == 0 ? EIO : 0};
            default:
                return ReadFate{};
            }
        };
        const bool sealed = i % 2 == 0;
        LoadOptions options;
        options.verify = i % 3 == 0 ? Verify::all : Verify::automatic;
        if (i % 4 == 0)
            options.deadline = std::chrono::microseconds(random() % 10'000);
        const test::Held before = test::held();
        const auto error = test::error_of([&] {
            const FaultyKernel kernel(faults(decide));
            load_one(sealed, options);
        });
        failed += error.has_value();
        if (error && error->kind() != errc::deadline) {
            EXPECT_EQ(error->kind(), errc::io) << error->what();
        }
        EXPECT_EQ(test::held_soon(before), before);
    }
    EXPECT_GT(failed, 0);
    load_one(false);
}

INSTANTIATE_TEST_SUITE_P(Ways, FileFaults, testing::ValuesIn(ways), [](const auto& info) {
    return std::string(info.param.name);
});

/// What is refused past the page cache alone.
class FileDirectReads : public FileFaults {};

TEST_P(FileDirectReads, ThatAreRefusedGiveWayToThePageCache) {
    for (const int error : {EINVAL, EOPNOTSUPP})
        for (const std::uint64_t first : {0u, 5u})
            for (const bool sealed : {false, true}) {
                SCOPED_TRACE(std::to_string(error) + " from " + std::to_string(first));
                warnings_ = 0;
                std::atomic<std::uint64_t> seen = 0;
                const auto refuse = [&](const ReadCall& call) {
                    return call.direct && seen++ >= first ? ReadFate{error} : ReadFate{};
                };
                expect_success(attempt(faults(refuse), sealed));
                EXPECT_EQ(warnings_, 1);
                if (first == 0) {
                    EXPECT_EQ(stats_.direct_bytes, 0u);
                }
            }
}

TEST_P(FileDirectReads, OfAFileThatCantBeOpenedForThemGiveWayToo) {
    for (const int error : {EINVAL, EACCES, EMFILE, ENOENT}) {
        SCOPED_TRACE(error);
        warnings_ = 0;
        Faults refused = faults();
        refused.direct_open_error = error;
        expect_success(attempt(std::move(refused)));
        EXPECT_EQ(stats_.direct_bytes, 0u);
        // `automatic` asks for nothing that could be missed
        EXPECT_EQ(warnings_, GetParam().direct == Direct::on ? 1 : 0);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Ways, FileDirectReads, testing::Values(threads_direct, uring_direct), [](const auto& info) {
        return std::string(info.param.name);
    });

/// Submissions to io_uring that the kernel does not take.
class FileSubmits : public FileFaults {
protected:
    Faults refuse(int result, std::uint64_t first, bool sticky) {
        Faults some = faults();
        some.submit = [=](std::uint64_t number) -> std::optional<int> {
            if (number == first || (sticky && number > first))
                return result;
            return {};
        };
        return some;
    }
};

TEST_P(FileSubmits, AreRepeatedWhereTheKernelIsBusy) {
    for (const int result : {-EAGAIN, -EBUSY, -EINTR, 0})
        for (std::uint64_t n = 0; n < submits_; ++n) {
            SCOPED_TRACE(std::to_string(result) + " at " + std::to_string(n));
            expect_success(attempt(refuse(result, n, false), n % 2 == 0));
        }
}

TEST_P(FileSubmits, ThatTheKernelTakesNoMoreFailTheLoad) {
    for (const int error : {EPERM, ENOMEM, EBADR})
        for (std::uint64_t n = 0; n < submits_; ++n) {
            SCOPED_TRACE(std::to_string(error) + " from " + std::to_string(n));
            const auto failure = attempt(refuse(-error, n, true));
            // a load may have got through before; a loop whose ring is broken stays broken
            engine_ = std::make_unique<Engine>(engine_options());
            load_one(false);
            if (n == 0 || failure)
                expect(errc::io)(failure);
        }
}

TEST_P(FileSubmits, ThatAreNeverTakenEndTheLoadInTheEnd) {
    for (const int result : {-EAGAIN, -EINTR, 0}) {
        SCOPED_TRACE(result);
        expect(errc::io)(attempt(refuse(result, 0, true)));
        engine_ = std::make_unique<Engine>(engine_options());
    }
}

INSTANTIATE_TEST_SUITE_P(Ways, FileSubmits, testing::Values(uring_direct), [](const auto& info) {
    return std::string(info.param.name);
});

/// Has no memory for whatever it is given.
struct ExecutorWithoutMemory {
    asio::io_context* of;

    asio::execution_context& query(asio::execution::context_t) const noexcept { return *of; }

    static constexpr asio::execution::blocking_t query(asio::execution::blocking_t) noexcept {
        return asio::execution::blocking.never;
    }

    void execute(const auto& /*work*/) const { throw std::bad_alloc(); }

    bool operator==(const ExecutorWithoutMemory&) const noexcept = default;
};

TEST(RingSubmits, ThatTheKernelTakesNoMoreEndAllReadsThoughThereIsNoMemoryToEndOne) {
    if (!ring_facts().usable)
        GTEST_SKIP() << ring_facts().reason;
    Faults refusal;
    refusal.submit = [](std::uint64_t) -> std::optional<int> { return -EPERM; };
    const FaultyKernel kernel(refusal);
    asio::io_context context;
    Ring ring(context, 8, 0);
    std::array<std::byte, 10> to{};
    error_code second;
    const auto lost = [](error_code, std::size_t) { FAIL(); };
    ring.read(-1, to, 0, -1, asio::bind_executor(ExecutorWithoutMemory{&context}, lost));
    ring.read(-1, to, 0, -1, [&second](error_code ec, std::size_t) { second = ec; });
    context.run_for(std::chrono::seconds(30));
    EXPECT_EQ(second.value(), EPERM);
}

TEST(RingCancels, ThatAreRefusedLeaveTheReadToItsData) {
    if (!ring_facts().usable)
        GTEST_SKIP() << ring_facts().reason;
    for (const int error : {EALREADY, ENOENT, EINVAL}) { // under way, done, and nonsense
        SCOPED_TRACE(error);
        Faults refusal;
        refusal.cancel_error = error;
        const FaultyKernel kernel(refusal);
        std::array<int, 2> pipe{};
        ASSERT_EQ(::pipe(pipe.data()), 0);
        asio::io_context context;
        Ring ring(context, 8, 0);
        std::array<std::byte, 3> to{};
        std::optional<std::pair<error_code, std::size_t>> end;
        asio::cancellation_signal signal;
        const auto ended = [&end](error_code ec, std::size_t bytes) { end = std::pair(ec, bytes); };
        ring.read(pipe[0], to, 0, -1, asio::bind_cancellation_slot(signal.slot(), ended));
        context.run_for(std::chrono::milliseconds(20));
        signal.emit(asio::cancellation_type::terminal);
        context.run_for(std::chrono::milliseconds(20));
        EXPECT_FALSE(end);
        EXPECT_EQ(::write(pipe[1], "abc", 3), 3);
        context.run_for(std::chrono::seconds(30));
        EXPECT_EQ(end, std::pair(error_code(), std::size_t{3}));
        ::close(pipe[0]);
        ::close(pipe[1]);
    }
}

} // namespace
} // namespace tz
