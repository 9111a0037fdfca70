// Huge pages or small ones, by what making them present has cost.
#include <tz/engine/huge_pages.hpp>
#include <tz/engine/load.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/memory_source.hpp>

#include <gtest/gtest.h>

#include <algorithm>

namespace tz {
namespace {

using std::chrono::microseconds;

constexpr microseconds at_hand{330};
constexpr microseconds given_back{4500};

TEST(HugePages, AreTooDearAfterAFewThatTheHostHadToFind) {
    HugePages pages;
    int asked = 0;
    while (!pages.too_dear() && ++asked < 100)
        pages.note(given_back);
    EXPECT_EQ(asked, 3);
    pages.reset();
    EXPECT_FALSE(pages.too_dear());
}

TEST(HugePages, AreNotTooDearForAnInterrupt) {
    HugePages pages;
    for (int i = 0; i < 1000; ++i)
        pages.note(i % 50 == 0 ? microseconds(8000) : at_hand);
    EXPECT_FALSE(pages.too_dear());
}

struct Mixture {
    int dear_of_ten;
    bool too_dear;
};

// All in all small pages would have taken less, or more.
TEST(HugePages, AreJudgedByWhatTheyCostOnAverage) {
    for (const Mixture& row :
         {Mixture{0, false}, Mixture{1, false}, Mixture{3, true}, Mixture{5, true}}) {
        HugePages pages;
        for (int i = 0; i < 200; ++i)
            pages.note(i * 7 % 10 < row.dear_of_ten ? given_back : at_hand);
        EXPECT_EQ(pages.too_dear(), row.too_dear) << row.dear_of_ten;
    }
}

TEST(HugePages, SayNothingWhereTheyWereThereBefore) {
    HugePages pages;
    pages.note(given_back);
    pages.note(given_back);
    for (int i = 0; i < 1000; ++i)
        pages.note(microseconds(5));
    pages.note(given_back);
    EXPECT_TRUE(pages.too_dear());
}

/// What a load past the page cache copies, whose huge pages prove dear in its first read or never.
std::uint64_t copied_bytes(bool dear) {
    const test::Sample sample({8 << 20, 8 << 20, 8 << 20});
    const test::TempFolder folder;
    save(folder / "file", sample.views, {});
    const auto source = std::make_shared<test::MemorySource>(test::read_file(folder / "file"));
    source->route = Route::direct;
    source->before_read = [dear](std::uint64_t) {
        for (int i = 0; dear && i < 3; ++i)
            HugePages::of_process().note(given_back);
    };
    EngineOptions one_lane;
    one_lane.concurrency = 1;
    Engine engine(one_lane);
    const Loaded loaded = load(engine, source);
    HugePages::of_process().reset();
    for (std::size_t i = 0; i < sample.data.size(); ++i)
        EXPECT_TRUE(std::ranges::equal(loaded.tensors[i], sample.data[i])) << i;
    return loaded.stats.copy.bytes;
}

// Reading past the page cache into pages of 4 KiB took 0.65 s where a copy out of the staging took
// 0.57.
TEST(HugePages, AreReadToDirectlyUnlessTheyAreTooDear) {
    EXPECT_LT(copied_bytes(false), 8u << 20);
    EXPECT_GE(copied_bytes(true), 16u << 20);
}

} // namespace
} // namespace tz
