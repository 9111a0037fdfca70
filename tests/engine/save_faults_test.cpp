// Faults at each call by which a session writes its file, and its end at each.
#include <tz/engine/load.hpp>
#include <tz/engine/save_session.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/write_faults.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <sys/wait.h>
#include <unistd.h>

namespace tz {
namespace {

using test::FaultyWrites;
using test::WriteCall;
using test::WriteFate;
using test::WriteKind;

const std::vector<std::size_t> sizes{5, 100'000, 70'000, 0, 70, 1};
constexpr std::size_t at_first = 2; // tensors of the first write

struct Kind {
    const char* name;
    bool encrypted;
    bool like_pip;
};

class SessionFaults : public testing::TestWithParam<Kind> {
protected:
    SessionFaults() {
        if (GetParam().encrypted)
            options_.key = test::sample_key();
        options_.like_pip = GetParam().like_pip;
        engine_options_.io = Io::threads;
        engine_options_.workers = 1;
    }

    std::span<const TensorView> first() const { return std::span(sample_.views).first(at_first); }

    std::span<const TensorView> second() const {
        return std::span(sample_.views).subspan(at_first);
    }

    /// How many tensors the file has; all of them right, with their hashes.
    std::size_t tensors_in_file() {
        LoadOptions options;
        options.verify = Verify::sha256;
        options.key = options_.key;
        Engine engine(engine_options_);
        const Loaded loaded = load(engine, open_file(path_), options);
        for (std::size_t i = 0; i < loaded.tensors.size(); ++i) {
            EXPECT_EQ(loaded.layout.tensors[i].name, sample_.views[i].spec.name);
            EXPECT_TRUE(std::ranges::equal(loaded.tensors[i], sample_.data[i])) << i;
        }
        return loaded.tensors.size();
    }

    /// Calls of the second write alone.
    std::uint64_t calls_of_second() {
        SaveSession session(path_, options_);
        session.add(first());
        const FaultyWrites count([](const WriteCall&) { return WriteFate{}; });
        session.add(second());
        return count.calls();
    }

    /// Both writes in a process that ends with call `number` of the second, which writes
    /// `bytes_max` bytes before that.
    void write_and_die(std::uint64_t number, std::size_t bytes_max) {
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            SaveSession session(path_, options_);
            session.add(first());
            const FaultyWrites kill([&](const WriteCall& call) {
                WriteFate fate;
                fate.killed = call.number == number;
                if (fate.killed)
                    fate.bytes_max = std::min(bytes_max, call.bytes / 2);
                if (bytes_max == SIZE_MAX)
                    fate.bytes_max = SIZE_MAX;
                return fate;
            });
            session.add(second());
            ::_exit(1); // it was to end before
        }
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }

    test::TempFolder folder_;
    std::string path_ = folder_ / "file";
    test::Sample sample_{GetParam().like_pip ? std::vector<std::size_t>{5, 7, 3} : sizes};
    SaveOptions options_;
    EngineOptions engine_options_;
};

TEST_P(SessionFaults, KilledAtAnyCallLeavesTheOldTensorsOrAll) {
    const std::uint64_t calls = calls_of_second();
    EXPECT_GT(calls, 5u);
    for (std::uint64_t number = 0; number < calls; ++number) {
        SCOPED_TRACE("call " + std::to_string(number));
        for (const std::size_t bytes_max : {std::size_t(0), std::size_t(1 << 20), SIZE_MAX}) {
            write_and_die(number, bytes_max); // before, in the middle, after
            // what decides is the write before the last sync
            const bool complete =
                number + 1 == calls || (number + 2 == calls && bytes_max == SIZE_MAX);
            EXPECT_EQ(tensors_in_file(), complete ? sample_.views.size() : at_first);
        }
    }
}

TEST_P(SessionFaults, FailingAtAnyCallTheFileIsAsItWas) {
    const std::uint64_t calls = calls_of_second();
    for (const int error : {ENOSPC, EIO})
        for (std::uint64_t number = 0; number + 1 < calls; ++number) {
            SCOPED_TRACE("call " + std::to_string(number));
            SaveSession session(path_, options_);
            session.add(first());
            const auto before = test::read_file(path_);
            {
                const FaultyWrites faults([&](const WriteCall& call) {
                    WriteFate fate;
                    if (call.number == number)
                        fate.error = error;
                    return fate;
                });
                const auto thrown = test::error_of([&] { session.add(second()); });
                ASSERT_TRUE(thrown);
                EXPECT_EQ(thrown->kind(), error == ENOSPC ? errc::limit : errc::io);
                EXPECT_EQ(thrown->source(), path_);
            }
            EXPECT_EQ(test::read_file(path_), before);
            session.add(second()); // space was made
            EXPECT_EQ(tensors_in_file(), sample_.views.size());
        }
}

TEST_P(SessionFaults, FailingFromSomeCallOnTheOldTensorsCanBeReadAndNoMoreAdded) {
    const std::uint64_t calls = calls_of_second();
    for (std::uint64_t number = 0; number + 1 < calls; ++number) {
        SCOPED_TRACE("call " + std::to_string(number));
        SaveSession session(path_, options_);
        session.add(first());
        {
            const FaultyWrites faults([&](const WriteCall& call) {
                WriteFate fate;
                fate.bytes_max = call.number + 1 == number ? call.bytes / 2 : SIZE_MAX;
                fate.error = call.number >= number ? EIO : 0;
                return fate;
            });
            EXPECT_TRUE(test::error_of([&] { session.add(second()); }));
        }
        EXPECT_EQ(tensors_in_file(), at_first);
        const auto thrown = test::error_of([&] { session.add(second()); });
        ASSERT_TRUE(thrown);
        EXPECT_EQ(thrown->kind(), errc::io);
        EXPECT_NE(std::string(thrown->what()).find("earlier write failed"), std::string::npos);
        EXPECT_EQ(tensors_in_file(), at_first);
    }
}

TEST_P(SessionFaults, ALastSyncThatFailsLeavesAllTensorsAndNoMoreAreAdded) {
    const std::uint64_t calls = calls_of_second();
    SaveSession session(path_, options_);
    session.add(first());
    {
        const FaultyWrites faults([&](const WriteCall& call) {
            WriteFate fate;
            fate.error = call.number + 1 == calls ? EIO : 0;
            return fate;
        });
        const auto thrown = test::error_of([&] { session.add(second()); });
        ASSERT_TRUE(thrown);
        EXPECT_EQ(thrown->kind(), errc::io);
    }
    EXPECT_EQ(tensors_in_file(), sample_.views.size());
    EXPECT_TRUE(test::error_of([&] { session.add(second()); }));
}

INSTANTIATE_TEST_SUITE_P(
    Files,
    SessionFaults,
    testing::Values(
        Kind{"Plain", false, false}, Kind{"Encrypted", true, false}, Kind{"LikePip", false, true}),
    [](const auto& kind) { return kind.param.name; });

// A whole save, which must leave the old file or the new one and nothing else.
class SaveFaults : public testing::Test {
protected:
    SaveFaults() { test::write_file(path_, old_); }

    std::uint64_t calls() {
        const FaultyWrites count([](const WriteCall&) { return WriteFate{}; });
        save(folder_ / "other", sample_.views);
        std::filesystem::remove(folder_ / "other");
        return count.calls();
    }

    test::TempFolder folder_;
    std::string path_ = folder_ / "file";
    std::vector<std::byte> old_ = test::random_bytes(10);
    test::Sample sample_{sizes};
};

TEST_F(SaveFaults, FailingAtAnyCallTheOldFileStaysAlone) {
    const std::uint64_t calls = this->calls();
    for (const int error : {ENOSPC, EIO})
        for (std::uint64_t number = 0; number + 1 < calls; ++number) { // the last syncs the folder
            SCOPED_TRACE("call " + std::to_string(number));
            const FaultyWrites faults([&](const WriteCall& call) {
                WriteFate fate;
                if (call.number == number)
                    fate.error = error;
                return fate;
            });
            const auto thrown = test::error_of([&] { save(path_, sample_.views); });
            ASSERT_TRUE(thrown);
            EXPECT_EQ(thrown->kind(), error == ENOSPC ? errc::limit : errc::io);
            EXPECT_EQ(test::read_file(path_), old_);
            EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1);
        }
}

TEST_F(SaveFaults, GoesOnAfterShortWrites) {
    {
        const FaultyWrites faults([](const WriteCall& call) {
            WriteFate fate;
            fate.bytes_max = std::max<std::size_t>(1, call.bytes / 2);
            return fate;
        });
        save(path_, sample_.views);
    }
    save(folder_ / "other", sample_.views);
    EXPECT_EQ(test::read_file(path_), test::read_file(folder_ / "other"));
}

} // namespace
} // namespace tz
