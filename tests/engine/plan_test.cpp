#include <tz/engine/plan.hpp>

#include <gtest/gtest.h>

#include <numeric>
#include <random>
#include <thread>

namespace tz {
namespace {

constexpr std::size_t chunk_bytes = 1 << 20;

/// Tensors one behind the other, header and data, from byte 1000 on; `align` moves data up to its
/// multiples.
format::Layout layout_of(
    const std::vector<std::pair<std::uint64_t, std::uint64_t>>& sizes, std::uint64_t align = 1) {
    format::Layout layout;
    std::uint64_t at = 1000;
    for (const auto& [header, data] : sizes) {
        format::Tensor tensor;
        const std::uint64_t start = (at + header + align - 1) / align * align;
        tensor.header = {at, start - at};
        tensor.data = {start, data};
        tensor.bytes = data;
        at = tensor.data.end();
        layout.tensors.push_back(tensor);
    }
    layout.file_bytes = at + 8;
    return layout;
}

std::vector<Item> items_of(const format::Layout& layout) {
    std::vector<Item> items;
    for (const auto& tensor : layout.tensors)
        items.push_back(whole_item(layout, tensor, 0));
    return items;
}

/// Every byte of every tensor is in exactly one segment, and every chunk keeps its bounds.
void expect_whole(const format::Layout& layout, const Plan& plan, std::size_t limit) {
    std::vector<std::uint64_t> header_bytes(layout.tensors.size());
    std::vector<std::uint64_t> next(layout.tensors.size());
    for (const Chunk& chunk : plan.chunks()) {
        EXPECT_TRUE(chunk.long_header || chunk.body.bytes <= limit);
        EXPECT_EQ(chunk.segments.front().range.offset, chunk.body.offset);
        EXPECT_EQ(chunk.segments.back().range.end(), chunk.body.end());
        for (const Segment& segment : chunk.segments) {
            const auto& tensor = layout.tensors[segment.item];
            if (segment.header) {
                EXPECT_EQ(segment.range, tensor.header);
                header_bytes[segment.item] += segment.range.bytes;
                EXPECT_EQ(next[segment.item], 0u) << "a header comes before its data";
            } else {
                EXPECT_EQ(segment.range.offset, tensor.data.offset + next[segment.item]);
                next[segment.item] += segment.range.bytes;
            }
        }
    }
    for (std::size_t i = 0; i < layout.tensors.size(); ++i) {
        EXPECT_EQ(header_bytes[i], layout.tensors[i].header.bytes);
        EXPECT_EQ(next[i], layout.tensors[i].data.bytes);
    }
}

TEST(Plan, MergesSmallTensors) {
    const auto layout =
        layout_of(std::vector<std::pair<std::uint64_t, std::uint64_t>>(100, {80, 1000}));
    const Plan plan(items_of(layout), {chunk_bytes});
    EXPECT_EQ(plan.chunks().size(), 1u);
    expect_whole(layout, plan, chunk_bytes);
}

TEST(Plan, CutsLargeTensorsAtMultiplesOfTheChunkInTheFile) {
    const auto layout = layout_of({{80, 10 * chunk_bytes}});
    const Plan plan(items_of(layout), {chunk_bytes});
    expect_whole(layout, plan, chunk_bytes);
    for (std::size_t i = 1; i < plan.chunks().size(); ++i)
        EXPECT_EQ(plan.chunks()[i].body.offset % chunk_bytes, 0u);
}

TEST(Plan, CutsSealedTensorsAtPiecesFromTheirStart) {
    auto layout = layout_of({{300, 10 * chunk_bytes}, {300, 5000}});
    layout.encrypted = true;
    for (const std::size_t limit :
         {std::size_t{64} << 10, std::size_t{3} << 20, std::size_t{8} << 20}) {
        const Plan plan(items_of(layout), {limit});
        expect_whole(layout, plan, limit);
        for (const Chunk& chunk : plan.chunks())
            for (const Segment& segment : chunk.segments)
                if (!segment.header && segment.item == 0) {
                    EXPECT_EQ(
                        (segment.range.offset - layout.tensors[0].data.offset) %
                            sealed_cut_bytes(limit),
                        0u);
                }
    }
}

TEST(Plan, GivesAHeaderLargerThanAChunkAChunkOfItsOwn) {
    const auto layout = layout_of({{80, 10}, {3 * chunk_bytes, 3 * chunk_bytes}, {80, 10}});
    const Plan plan(items_of(layout), {chunk_bytes});
    expect_whole(layout, plan, chunk_bytes);
    EXPECT_TRUE(plan.chunks()[1].long_header);
    EXPECT_EQ(plan.chunks()[1].segments.size(), 1u);
}

TEST(Plan, HoldsForRandomLayouts) {
    for (unsigned seed = 0; seed < 200; ++seed) {
        std::mt19937 random(seed);
        std::vector<std::pair<std::uint64_t, std::uint64_t>> sizes(random() % 40 + 1);
        for (auto& [header, data] : sizes) {
            header = 25 + random() % (random() % 10 == 0 ? 2 * chunk_bytes : 200);
            data = random() % (random() % 4 == 0 ? 5 * chunk_bytes : 3000);
        }
        auto layout = layout_of(sizes, random() % 2 ? 4096 : 1);
        layout.encrypted = random() % 2;
        PlanOptions options;
        options.chunk_bytes = (std::size_t{64} << 10) << random() % 5;
        options.spans = random() % 5 + 1;
        const Plan plan(items_of(layout), options);
        SCOPED_TRACE(seed);
        expect_whole(layout, plan, options.chunk_bytes);
    }
}

TEST(Plan, ReadsHeadersAloneWhenAsked) {
    const auto layout = layout_of({{80, 10 * chunk_bytes}, {80, 10 * chunk_bytes}});
    PlanOptions options;
    options.headers_only = true;
    const Plan plan(items_of(layout), options);
    std::uint64_t bytes = 0;
    for (const Chunk& chunk : plan.chunks())
        bytes += chunk.body.bytes;
    EXPECT_EQ(bytes, 160u);
}

TEST(Plan, DealsEachChunkOnceToManyThreads) {
    const auto layout =
        layout_of(std::vector<std::pair<std::uint64_t, std::uint64_t>>(500, {80, chunk_bytes}));
    PlanOptions options;
    options.chunk_bytes = 64 << 10;
    options.spans = 3;
    Plan plan(items_of(layout), options);
    std::vector<std::atomic<int>> dealt(plan.chunks().size());
    std::vector<std::thread> threads;
    for (unsigned lane = 0; lane < 4; ++lane)
        threads.emplace_back([&, lane] {
            while (const Chunk* chunk = plan.next(lane))
                ++dealt[static_cast<std::size_t>(chunk - plan.chunks().data())];
        });
    for (auto& thread : threads)
        thread.join();
    for (const auto& count : dealt)
        EXPECT_EQ(count, 1);
}

TEST(Plan, KeepsSeveralTensorsUnderWayWithSeveralSpans) {
    const auto layout =
        layout_of(std::vector<std::pair<std::uint64_t, std::uint64_t>>(8, {80, 8 * chunk_bytes}));
    PlanOptions options;
    options.spans = 2;
    Plan plan(items_of(layout), options);
    const auto first = plan.next(0)->segments.front().item;
    const auto second = plan.next(1)->segments.front().item;
    EXPECT_EQ(first, 0u);
    EXPECT_EQ(second, 1u);
    EXPECT_EQ(plan.next(2)->segments.front().item, 0u) << "its own span's tensor goes on";
}

TEST(HostLayout, AlignsEveryTensorAndPacksSmallOnes) {
    const auto layout = layout_of({{80, 1}, {80, 3 << 20}, {80, 100}, {80, 2 << 20}}, 4096);
    const auto items = items_of(layout);
    const HostLayout host = lay_out(items);
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(host.offsets[i] % 64, 0u);
        if (reads_in_place(items[i])) {
            EXPECT_EQ(host.offsets[i] % 4096, 0u);
        }
    }
    EXPECT_TRUE(reads_in_place(items[1]));
    EXPECT_FALSE(reads_in_place(items[2]));
    // room behind a tensor that is read in place: whole blocks are written
    EXPECT_GE(host.offsets[2], (host.offsets[1] + (3 << 20) + 4095) / 4096 * 4096);
    EXPECT_LT(host.bytes, (5u << 20) + 16384);
}

} // namespace
} // namespace tz
