// A file that others change while it is loaded, at each read of the load and by both backends.
#include <tz/engine/load.hpp>
#include <tz/engine/ring.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/support/faults.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/held.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace tz {
namespace {

using test::FaultyKernel;
using test::ReadCall;
using test::ReadFate;

struct Way {
    const char* name;
    Io io;
    test::Cache cache;
};

std::ostream& operator<<(std::ostream& out, const Way& way) {
    return out << way.name;
}

class FileChanges : public testing::TestWithParam<Way> {
protected:
    void SetUp() override {
        if (GetParam().io == Io::uring && !ring_facts().usable)
            GTEST_SKIP() << ring_facts().reason;
        save(folder_ / "old", old_.views);
        save(folder_ / "new", new_.views);
        EngineOptions options;
        options.io = GetParam().io;
        options.workers = 2;
        options.concurrency = 4;
        options.chunk_bytes = 128 << 10;
        engine_ = std::make_unique<Engine>(options);
        // starts all pools, by reads that wait
        load_with({.cache = test::Cache::cold}, Verify::none, Direct::off);
        const FaultyKernel kernel({.cache = GetParam().cache});
        load(*engine_, open_file(folder_ / "old"));
        reads_ = kernel.reads();
        ASSERT_GT(reads_, 10u);
    }

    /// A copy of the old file, last written to an hour ago.
    void restore() {
        std::filesystem::remove(path_);
        std::filesystem::copy_file(folder_ / "old", path_);
        const timespec hour_ago{::time(nullptr) - 3600, 0};
        const timespec times[] = {hour_ago, hour_ago};
        ASSERT_EQ(::utimensat(AT_FDCWD, path_.c_str(), times, 0), 0);
    }

    /// Loads the file anew; what comes out is the old one.
    std::optional<Error>
    load_with(test::Faults faults, Verify verify, Direct direct = Direct::automatic) {
        restore();
        const test::Held before = test::held();
        LoadOptions options;
        options.verify = verify;
        options.deadline = std::chrono::seconds(60); // a hang must not be one for ever
        auto error = test::error_of([&] {
            const FaultyKernel kernel(std::move(faults));
            const Loaded loaded = load(*engine_, open_file(path_, direct), options);
            for (std::size_t i = 0; i < loaded.tensors.size(); ++i)
                EXPECT_TRUE(std::ranges::equal(loaded.tensors[i], old_.data[i])) << i;
        });
        if (error) {
            EXPECT_EQ(error->source(), path_);
        }
        if (reads_ != 0) {
            EXPECT_EQ(test::held_soon(before), before);
        }
        return error;
    }

    /// Loads once for each read that a load makes, and has `change` happen just before that read.
    void at_each_read(
        const std::function<void()>& change,
        Verify verify,
        const std::function<void(const std::optional<Error>&)>& check) {
        for (std::uint64_t n = 0; n < reads_ && !HasFailure(); ++n) {
            SCOPED_TRACE("at read " + std::to_string(n));
            test::Faults faults;
            faults.cache = GetParam().cache;
            faults.read = [&](const ReadCall& call) {
                if (call.number == n)
                    change();
                return ReadFate{};
            };
            check(load_with(std::move(faults), verify));
        }
    }

    static void expect_success(const std::optional<Error>& error) {
        EXPECT_FALSE(error) << error->what();
    }

    static void expect_changed(const std::optional<Error>& error) {
        ASSERT_TRUE(error);
        EXPECT_EQ(error->kind(), errc::object_changed) << error->what();
    }

    test::TempFolder folder_;
    // the same layout, other bytes
    test::Sample old_{{1'300'000, 100, 0, 300'000}, 1};
    test::Sample new_{{1'300'000, 100, 0, 300'000}, 100};
    std::string path_ = folder_ / "file";
    std::unique_ptr<Engine> engine_;
    std::uint64_t reads_ = 0; ///< that a load of it makes
};

TEST_P(FileChanges, AFileThatIsReplacedIsLoadedAsItWas) {
    const auto replace = [this] {
        std::filesystem::copy_file(folder_ / "new", folder_ / "next");
        std::filesystem::rename(folder_ / "next", path_);
    };
    at_each_read(replace, Verify::none, expect_success);
}

TEST_P(FileChanges, AFileThatIsRemovedIsLoadedAllTheSame) {
    at_each_read([this] { std::filesystem::remove(path_); }, Verify::none, expect_success);
}

TEST_P(FileChanges, AFileThatIsCutIsAnError) {
    const std::uint64_t size = std::filesystem::file_size(folder_ / "old");
    for (const std::uint64_t left : {std::uint64_t{0}, size / 2, size / 2 / 4096 * 4096, size - 1})
        at_each_read(
            [&] { std::filesystem::resize_file(path_, left); }, Verify::none, expect_changed);
}

TEST_P(FileChanges, AFileThatGrowsIsAnError) {
    at_each_read(
        [this] { std::filesystem::resize_file(path_, std::filesystem::file_size(path_) + 1); },
        Verify::none,
        expect_changed);
}

TEST_P(FileChanges, AFileThatIsRewrittenInPlaceIsAnErrorWhetherOrNotHashesAreChecked) {
    const auto content = test::read_file(folder_ / "new");
    const auto rewrite = [&] {
        const int fd = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
        EXPECT_EQ(::pwrite(fd, content.data(), content.size(), 0), std::ssize(content));
        ::close(fd);
    };
    for (const Verify verify : {Verify::none, Verify::automatic, Verify::all})
        at_each_read(rewrite, verify, expect_changed);
}

TEST_P(FileChanges, AFileThatIsTruncatedAndWrittenAnewIsAnError) {
    const auto content = test::read_file(folder_ / "new");
    at_each_read([&] { test::write_file(path_, content); }, Verify::automatic, expect_changed);
}

INSTANTIATE_TEST_SUITE_P(
    Ways,
    FileChanges,
    testing::Values(
        Way{"ThreadsCached", Io::threads, test::Cache::hot},
        Way{"ThreadsDirect", Io::threads, test::Cache::cold},
        Way{"UringDirect", Io::uring, test::Cache::cold}),
    [](const auto& info) { return std::string(info.param.name); });

} // namespace
} // namespace tz
