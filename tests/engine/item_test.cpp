#include <tz/engine/item.hpp>
#include <tz/tests/support/files.hpp>

#include <gtest/gtest.h>

#include <numeric>
#include <random>

namespace tz {
namespace {

format::Tensor tensor_of(std::vector<std::uint64_t> shape, std::uint32_t element) {
    format::Tensor tensor;
    tensor.dtype.bits = 8 * element;
    tensor.bytes =
        std::accumulate(shape.begin(), shape.end(), std::uint64_t{element}, std::multiplies<>());
    tensor.shape = std::move(shape);
    tensor.header = {1000, 100};
    tensor.data = {1100, tensor.bytes};
    return tensor;
}

std::vector<format::Range> reads_of(const Item& item) {
    std::vector<format::Range> ranges;
    for_each_read(item, [&](format::Range range) { ranges.push_back(range); });
    return ranges;
}

Item slice_of(
    const format::Layout& layout,
    const format::Tensor& tensor,
    std::size_t dimension,
    std::uint64_t begin,
    std::uint64_t end,
    std::uint64_t unit = 1) {
    Item item = whole_item(layout, tensor, 0);
    take_slice(item, runs_of(tensor, dimension, begin, end), unit, true);
    return item;
}

TEST(Runs, AreOneForTheFirstDimensionAndOneARowForOthers) {
    const auto tensor = tensor_of({4, 6, 5}, 2);
    EXPECT_EQ(runs_of(tensor, 0, 1, 3), (Runs{60, 120, 240, 1}));
    EXPECT_EQ(runs_of(tensor, 1, 2, 3), (Runs{20, 10, 60, 4}));
    EXPECT_EQ(runs_of(tensor, 2, 0, 1), (Runs{0, 2, 10, 24}));
}

TEST(Runs, OfAllIndicesAreTheWholeTensor) {
    const auto tensor = tensor_of({4, 6, 5}, 2);
    for (std::size_t dimension = 0; dimension < 3; ++dimension)
        EXPECT_EQ(runs_of(tensor, dimension, 0, tensor.shape[dimension]), (Runs{0, 240, 240, 1}));
}

TEST(Runs, OfNoIndicesAreNone) {
    EXPECT_EQ(runs_of(tensor_of({4, 6}, 4), 1, 3, 3).total(), 0u);
    EXPECT_EQ(runs_of(tensor_of({0, 6}, 4), 1, 0, 3).total(), 0u);
}

TEST(Runs, CopyWhatIndexingSaysFromPiecesOfAnySize) {
    for (unsigned seed = 0; seed < 300; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937 random(seed);
        std::vector<std::uint64_t> shape(random() % 4 + 1);
        for (auto& size : shape)
            size = random() % 6 + 1;
        const auto tensor = tensor_of(shape, 1u << random() % 3);
        const auto data = test::random_bytes(tensor.bytes, seed);
        const std::size_t dimension = random() % shape.size();
        const std::uint64_t begin = random() % shape[dimension];
        const std::uint64_t end = begin + random() % (shape[dimension] - begin + 1);

        std::uint64_t inner = tensor.dtype.bits / 8;
        for (std::size_t i = dimension + 1; i < shape.size(); ++i)
            inner *= shape[i];
        std::vector<std::byte> expected;
        for (std::uint64_t at = 0; at < data.size(); ++at) {
            const std::uint64_t index = at / inner % shape[dimension];
            if (index >= begin && index < end)
                expected.push_back(data[at]);
        }

        const Runs runs = runs_of(tensor, dimension, begin, end);
        ASSERT_EQ(runs.total(), expected.size());
        std::vector<std::byte> copied(expected.size());
        std::uint64_t bytes = 0;
        for (std::size_t at = 0; at < data.size();) {
            const std::size_t size = std::min<std::size_t>(random() % 40 + 1, data.size() - at);
            bytes += copy_runs(runs, at, std::span(data).subspan(at, size), copied);
            at += size;
        }
        EXPECT_EQ(bytes, expected.size());
        EXPECT_EQ(copied, expected);
    }
}

TEST(Item, ReadsOnlyTheBytesOfAFirstDimensionSlice) {
    const format::Layout layout;
    const auto tensor = tensor_of({100, 1000}, 4);
    const Item item = slice_of(layout, tensor, 0, 10, 20);
    EXPECT_TRUE(item.linear());
    EXPECT_EQ(reads_of(item), (std::vector<format::Range>{{1100 + 40'000, 40'000}}));
    EXPECT_EQ(read_bytes(item), item.bytes);
}

TEST(Item, ReadsRowsTogetherWhenTheyAreClose) {
    const format::Layout layout;
    const auto tensor = tensor_of({10, 1000}, 4);
    const Item item = slice_of(layout, tensor, 1, 100, 200);
    EXPECT_FALSE(item.linear());
    EXPECT_EQ(reads_of(item), (std::vector<format::Range>{{1100 + 400, 9 * 4000 + 400}}));
    EXPECT_EQ(item.bytes, 4000u);
}

TEST(Item, ReadsRowsOneByOneWhenTheyAreFarApart) {
    const format::Layout layout;
    const std::uint64_t row = 4 * gap_max;
    const auto tensor = tensor_of({3, row}, 1);
    const Item item = slice_of(layout, tensor, 1, 0, gap_max);
    EXPECT_EQ(
        reads_of(item),
        (std::vector<format::Range>{
            {1100, gap_max}, {1100 + row, gap_max}, {1100 + 2 * row, gap_max}}));
    EXPECT_EQ(read_bytes(item), item.bytes);
}

TEST(Item, ReadsWholePiecesOfSealedData) {
    const format::Layout layout;
    const auto tensor = tensor_of({1000, 10}, 1);
    const Item item = slice_of(layout, tensor, 0, 150, 260, 1024);
    EXPECT_EQ(reads_of(item), (std::vector<format::Range>{{1100 + 1024, 2048}}));
    EXPECT_FALSE(item.linear());
    const Item last = slice_of(layout, tensor, 0, 990, 1000, 1024);
    EXPECT_EQ(reads_of(last), (std::vector<format::Range>{{1100 + 9216, 10'000 - 9216}}));
}

TEST(Item, ReadsAllOfDataInOnePieceOfAnySize) {
    const format::Layout layout;
    const auto tensor = tensor_of({1000, 10}, 1);
    const Item item = slice_of(layout, tensor, 0, 150, 260, UINT64_MAX);
    EXPECT_EQ(reads_of(item), (std::vector<format::Range>{tensor.data}));
}

TEST(Item, OfPiecesThatRowsShareReadsEachOnce) {
    const format::Layout layout;
    const std::uint64_t row = 3 * gap_max;
    const auto tensor = tensor_of({8, row}, 1);
    const Item item = slice_of(layout, tensor, 1, 10, 20, 2 * gap_max);
    std::uint64_t end = 0;
    for (const auto& range : reads_of(item)) {
        EXPECT_GE(range.offset, end);
        EXPECT_EQ((range.offset - 1100) % (2 * gap_max), 0u);
        end = range.end();
    }
}

TEST(Item, HandsOutASliceWithItsOwnShape) {
    const format::Layout layout;
    const auto tensor = tensor_of({4, 6, 5}, 2);
    Item item = slice_of(layout, tensor, 1, 2, 5);
    item.dimension = 1;
    item.extent = 3;
    const format::Tensor handed = handed_out(item);
    EXPECT_EQ(handed.shape, (std::vector<std::uint64_t>{4, 3, 5}));
    EXPECT_EQ(handed.bytes, 120u);
}

} // namespace
} // namespace tz
