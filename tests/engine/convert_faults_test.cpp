// Faults at each call by which a conversion writes its file: an error and nothing left, or the
// right bytes.
#include <tz/engine/convert.hpp>
#include <tz/engine/file_target.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/write_faults.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <iterator>

namespace tz {
namespace {

using test::FaultyWrites;
using test::WriteCall;
using test::WriteFate;
using test::WriteKind;

class ConvertFaults : public testing::Test {
protected:
    ConvertFaults() {
        save(folder_ / "a", sample_.views);
        bytes_ = test::read_file(folder_ / "a");
    }

    void convert_it() {
        EngineOptions options;
        options.io = Io::threads; // whose writes can be made to fail
        options.concurrency = 1;
        options.chunk_bytes = 64 << 10;
        Engine engine(options);
        const std::shared_ptr<const Source> source = open_file(folder_ / "a");
        const auto target = [](const std::string& path) {
            return file_target(path, Existing::replaced);
        };
        convert(engine, {&source, 1}, folder_ / "b", target);
    }

    std::size_t files_in_folder() const {
        return std::distance(
            std::filesystem::directory_iterator(folder_.path()),
            std::filesystem::directory_iterator());
    }

    test::TempFolder folder_;
    test::Sample sample_{{5, 300'000, 0, 4096, 70'000}};
    std::vector<std::byte> bytes_;
};

TEST_F(ConvertFaults, AtAnyCallLeaveTheOldFile) {
    std::uint64_t calls = 0;
    {
        const FaultyWrites count([](const WriteCall&) { return WriteFate{}; });
        convert_it();
        calls = count.calls();
    }
    ASSERT_GT(calls, 10u);
    const auto old = test::random_bytes(10);
    for (std::uint64_t at = 0; at < calls; ++at) {
        SCOPED_TRACE(at);
        for (const int error : {ENOSPC, EIO}) {
            test::write_file(folder_ / "b", old);
            std::optional<Error> failure;
            {
                const FaultyWrites faults([at, error](const WriteCall& call) {
                    return WriteFate{SIZE_MAX, call.number == at ? error : 0};
                });
                failure = test::error_of([this] { convert_it(); });
            }
            ASSERT_TRUE(failure);
            EXPECT_EQ(failure->source(), folder_ / "b");
            EXPECT_EQ(failure->kind(), error == EIO ? errc::io : errc::limit) << failure->what();
            const bool named = at + 1 == calls; // what fails is the folder's fsync
            EXPECT_TRUE(test::read_file(folder_ / "b") == (named ? bytes_ : old)) << "other bytes";
            EXPECT_EQ(files_in_folder(), 2u);
        }
    }
}

TEST_F(ConvertFaults, ThatPassAreGotOver) {
    for (const int error : {EINTR, EAGAIN}) {
        const FaultyWrites faults([error](const WriteCall& call) {
            const bool fails = call.kind == WriteKind::write && call.number % 2 == 0;
            return WriteFate{SIZE_MAX, fails ? error : 0};
        });
        convert_it();
        EXPECT_EQ(test::read_file(folder_ / "b"), bytes_);
    }
}

TEST_F(ConvertFaults, ThatPassCountAnewWhereBytesWereWritten) {
    const FaultyWrites faults([](const WriteCall& call) {
        if (call.kind != WriteKind::write)
            return WriteFate{};
        return WriteFate{200, call.number % 2 == 0 ? EINTR : 0}; // of a chunk 300 times
    });
    convert_it();
    EXPECT_EQ(test::read_file(folder_ / "b"), bytes_);
}

TEST_F(ConvertFaults, ThatGoOnForEverEnd) {
    const FaultyWrites faults([](const WriteCall& call) {
        return WriteFate{SIZE_MAX, call.kind == WriteKind::write ? EAGAIN : 0};
    });
    const auto failure = test::error_of([this] { convert_it(); });
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->kind(), errc::io);
    EXPECT_EQ(files_in_folder(), 1u);
}

TEST_F(ConvertFaults, GoOnWhereAWriteIsCutShort) {
    const FaultyWrites faults([](const WriteCall& call) {
        return WriteFate{call.kind == WriteKind::write ? 1000 : SIZE_MAX};
    });
    convert_it();
    EXPECT_EQ(test::read_file(folder_ / "b"), bytes_);
}

TEST_F(ConvertFaults, GoOnWhereDirectWritesAreRefused) {
    const FaultyWrites faults(
        [](const WriteCall& call) { return WriteFate{SIZE_MAX, call.number == 0 ? EINVAL : 0}; });
    convert_it();
    EXPECT_EQ(test::read_file(folder_ / "b"), bytes_);
}

} // namespace
} // namespace tz
