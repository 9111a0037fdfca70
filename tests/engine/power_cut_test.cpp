// The power is cut after each call by which a file is written, and the disk loses what was not
// synced, all of it or some: the old tensors are there, or all.
#include <tz/engine/convert.hpp>
#include <tz/engine/file_target.hpp>
#include <tz/engine/load.hpp>
#include <tz/engine/save_session.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/power_cut.hpp>
#include <tz/tests/support/write_faults.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <sys/stat.h>

namespace tz {
namespace {

using test::DiskCall;
using Kind = test::DiskCall::Kind;

constexpr unsigned lots = 4;

class PowerCut : public testing::Test {
protected:
    PowerCut() {
        RecordProperty("seed", std::to_string(seed_));
        engine_options_.io = Io::threads; // whose writes are seen
        engine_options_.workers = 1;
        engine_options_.concurrency = 2;
        engine_options_.chunk_bytes = 64 << 10;
        engine_.emplace(engine_options_);
        save(path_, first());
    }

    std::span<const TensorView> first() const { return std::span(sample_.views).first(2); }

    std::span<const TensorView> second() const { return std::span(sample_.views).subspan(2); }

    /// The calls that `work` makes.
    template <typename Work>
    std::vector<DiskCall> calls_of(Work work) {
        test::WriteLog log;
        work();
        return log.take();
    }

    test::CutDisk disk() const {
        struct ::stat facts{};
        EXPECT_EQ(::stat(path_.c_str(), &facts), 0);
        return {facts.st_ino, test::read_file(path_)};
    }

    /// How many tensors of the sample a file has, all right; 0 where it has something else.
    std::size_t tensors_in(std::span<const std::byte> bytes) {
        test::write_file(folder_ / "after", bytes);
        std::size_t right = 0;
        const auto failure = test::error_of([&] {
            LoadOptions options;
            options.verify = Verify::sha256;
            const Loaded loaded = load(*engine_, open_file(folder_ / "after"), options);
            for (std::size_t i = 0; i < loaded.tensors.size(); ++i)
                if (loaded.layout.tensors[i].name == sample_.views[i].spec.name &&
                    std::ranges::equal(loaded.tensors[i], sample_.data[i]))
                    ++right;
            if (right != loaded.tensors.size())
                right = 0;
        });
        return failure ? 0 : right;
    }

    /// Which numbers of tensors there may be, by calls that were made before: sorted, each once.
    std::vector<std::vector<std::size_t>>
    outcomes(test::CutDisk disk, std::span<const DiskCall> calls) {
        std::vector<std::vector<std::size_t>> all;
        for (std::size_t made = 0;; ++made) {
            std::vector<std::size_t>& here = all.emplace_back();
            disk.for_each_outcome(seed_ + made, lots, [&](std::span<const std::byte> bytes) {
                here.push_back(tensors_in(bytes));
            });
            std::sort(here.begin(), here.end());
            here.erase(std::unique(here.begin(), here.end()), here.end());
            if (made == calls.size())
                return all;
            disk.apply(calls[made]);
        }
    }

    /// At each cut the old tensors or all; in the end all.
    void expect_old_or_new(const test::CutDisk& disk, std::span<const DiskCall> calls) {
        const auto all = outcomes(disk, calls);
        const std::size_t both = sample_.views.size();
        for (std::size_t made = 0; made < all.size(); ++made)
            for (const std::size_t found : all[made])
                EXPECT_TRUE(found == first().size() || found == both)
                    << found << " tensors after " << made << " calls of " << calls.size()
                    << ", TZ_TEST_SEED=" << seed_;
        EXPECT_EQ(all.front(), std::vector{first().size()});
        EXPECT_EQ(all.back(), std::vector{both}) << "what has returned is durable";
    }

    /// That the tests would notice: calls without their syncs are not safe.
    void expect_unsafe_without(
        const test::CutDisk& disk, const std::vector<DiskCall>& calls, Kind left_out) {
        std::vector<DiskCall> fewer;
        for (const DiskCall& call : calls)
            if (call.kind != left_out)
                fewer.push_back(call);
        ASSERT_LT(fewer.size(), calls.size());
        const std::size_t both = sample_.views.size();
        const auto all = outcomes(disk, fewer);
        const bool lost = std::ranges::any_of(all, [&](const auto& found) {
            return std::ranges::any_of(
                found, [&](std::size_t count) { return count != first().size() && count != both; });
        });
        EXPECT_TRUE(lost || all.back() != std::vector{both}) << "TZ_TEST_SEED=" << seed_;
    }

    std::uint64_t seed_ = test::seed();
    test::TempFolder folder_;
    std::string path_ = folder_ / "file";
    test::Sample sample_{{5, 300'000, 70'000, 0, 70, 4096}};
    EngineOptions engine_options_;
    std::optional<Engine> engine_;
};

TEST_F(PowerCut, InASaveLeavesTheOldFileOrTheWholeNewOne) {
    const test::CutDisk before = disk();
    const auto calls = calls_of([this] { save(path_, sample_.views); });
    expect_old_or_new(before, calls);
    expect_unsafe_without(before, calls, Kind::sync);
    expect_unsafe_without(before, calls, Kind::sync_folder);
}

TEST_F(PowerCut, InAConversionLeavesTheOldFileOrTheWholeNewOne) {
    save(folder_ / "from", sample_.views);
    const test::CutDisk before = disk();
    const auto calls = calls_of([this] {
        const std::shared_ptr<const Source> source = open_file(folder_ / "from");
        convert(*engine_, {&source, 1}, path_, [](const std::string& path) {
            return file_target(path, Existing::replaced);
        });
    });
    expect_old_or_new(before, calls);
    expect_unsafe_without(before, calls, Kind::sync);
    expect_unsafe_without(before, calls, Kind::sync_folder);
}

TEST_F(PowerCut, WhileTensorsAreAddedLeavesTheOldOnesOrAll) {
    SaveSession session(path_);
    session.add(first());
    const test::CutDisk before = disk();
    const auto calls = calls_of([&] { session.add(second()); });
    expect_old_or_new(before, calls);
    expect_unsafe_without(before, calls, Kind::sync);
}

} // namespace
} // namespace tz
