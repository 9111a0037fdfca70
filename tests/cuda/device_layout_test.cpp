#include <tz/cuda/device_layout.hpp>
#include <tz/tests/support/files.hpp>

#include <gtest/gtest.h>

#include <random>

namespace tz::cuda {
namespace {

using Sizes = std::vector<std::uint64_t>;

TEST(DeviceLayout, PutsTensorsBehindEachOtherAligned) {
    const BlockLayout layout = lay_out(Sizes{1, 256, 257, 512});
    EXPECT_EQ(layout.places, (std::vector<Place>{{0, 0}, {0, 256}, {0, 512}, {0, 1024}}));
    EXPECT_EQ(layout.blocks, Sizes{1536});
}

TEST(DeviceLayout, BeginsABlockWhereOneIsFull) {
    const BlockLayout layout = lay_out(Sizes{512, 512, 256}, 1024);
    EXPECT_EQ(layout.places, (std::vector<Place>{{0, 0}, {0, 512}, {1, 0}}));
    EXPECT_EQ(layout.blocks, (Sizes{1024, 256}));
}

TEST(DeviceLayout, GivesALargeTensorABlockOfItsOwn) {
    const BlockLayout layout = lay_out(Sizes{256, 5000, 256}, 1024);
    EXPECT_EQ(layout.blocks, (Sizes{256, 5120, 256}));
}

TEST(DeviceLayout, GivesEmptyTensorsNoRoom) {
    EXPECT_TRUE(lay_out(Sizes{}).blocks.empty());
    EXPECT_TRUE(lay_out(Sizes{0, 0}).blocks.empty());
    EXPECT_EQ(lay_out(Sizes{0, 10, 0}).blocks, Sizes{256});
}

TEST(DeviceLayout, NeverOverlapsWhateverTheSizes) {
    const std::uint64_t seed = test::seed();
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    for (int round = 0; round < 200; ++round) {
        Sizes sizes(random() % 50);
        for (auto& size : sizes)
            size = random() % 3000;
        const BlockLayout layout = lay_out(sizes, 4096);
        Sizes ends(layout.blocks.size(), 0);
        for (std::size_t i = 0; i < sizes.size(); ++i) {
            if (sizes[i] == 0)
                continue;
            const Place& place = layout.places[i];
            EXPECT_EQ(place.offset % tensor_alignment, 0u);
            EXPECT_GE(place.offset, ends[place.block]);
            ends[place.block] = place.offset + sizes[i];
            EXPECT_LE(ends[place.block], layout.blocks[place.block]);
        }
        for (const std::uint64_t block : layout.blocks)
            EXPECT_LE(block, 4096u);
    }
}

TEST(DeviceDeal, GivesEachDeviceAboutAsManyBytes) {
    EXPECT_EQ(deal(Sizes{5, 3, 9, 4}, 2), (std::vector<std::size_t>{1, 0, 0, 1}));
    EXPECT_EQ(deal(Sizes{5, 3}, 1), (std::vector<std::size_t>{0, 0}));
    EXPECT_TRUE(deal(Sizes{}, 3).empty());
}

} // namespace
} // namespace tz::cuda
