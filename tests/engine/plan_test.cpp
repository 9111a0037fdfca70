#include <tz/engine/plan.hpp>
#include <tz/tests/support/files.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

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

/// Of `layout`, some by lot.
std::vector<Item> some_items_of(const format::Layout& layout, std::mt19937_64& random) {
    const std::uint64_t one_in = 1 + random() % 10;
    std::vector<Item> items;
    for (const auto& tensor : layout.tensors)
        if (random() % one_in == 0)
            items.push_back(whole_item(layout, tensor, 0));
    return items;
}

/// The plan reads every wanted byte once, and what lies between them only where that is short.
void expect_small_gaps(const Plan& plan, std::span<const Item> items) {
    std::uint64_t wanted = 0;
    for (const Item& item : items)
        wanted += item.tensor->header.bytes + item.tensor->data.bytes;
    std::uint64_t read = 0;
    std::uint64_t gaps = 0;
    for (const Chunk& chunk : plan.chunks()) {
        read += chunk.body.bytes;
        for (std::size_t i = 1; i < chunk.segments.size(); ++i) {
            const std::uint64_t end = chunk.segments[i - 1].range.end();
            EXPECT_LE(chunk.segments[i].range.offset - end, gap_max);
            gaps += chunk.segments[i].range.offset - end;
        }
    }
    EXPECT_EQ(read, wanted + gaps);
    EXPECT_EQ(plan.gap_bytes(), gaps);
}

TEST(Plan, ReadsNoMoreOfASelectionThanIsWantedAndShortGaps) {
    const std::uint64_t seed = test::seed();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    for (int i = 0; i < 300; ++i) {
        std::vector<std::pair<std::uint64_t, std::uint64_t>> sizes(1 + random() % 500);
        const std::uint64_t largest = 1 + random() % (random() % 3 == 0 ? 20 << 20 : 200'000);
        for (auto& [header, data] : sizes) {
            header = 30 + random() % 400;
            data = random() % largest;
        }
        const auto layout = layout_of(sizes, random() % 2 ? 4096 : 1);
        const auto items = some_items_of(layout, random);
        for (const std::size_t chunk : {std::size_t{1} << 20, std::size_t{8} << 20})
            expect_small_gaps(Plan(items, {chunk}), items);
    }
}

TEST(Plan, MergesAHundredThousandSmallTensorsUpToAChunk) {
    constexpr std::size_t count = 100'000;
    const auto layout =
        layout_of(std::vector<std::pair<std::uint64_t, std::uint64_t>>(count, {120, 4096}));
    const std::size_t tensor_bytes = 120 + 4096;
    for (const std::size_t chunk : {std::size_t{4} << 20, std::size_t{8} << 20}) {
        const Plan plan(items_of(layout), {chunk});
        expect_whole(layout, plan, chunk);
        EXPECT_LE(plan.chunks().size(), count * tensor_bytes / (chunk - tensor_bytes) + 1);
        EXPECT_EQ(plan.gap_bytes(), 0u);
    }
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

TEST(Mapping, TakesTensorsThatAreAlignedAsTheirElementsAsk) {
    struct Case {
        std::uint32_t bits;
        std::uint64_t alignment;
    };

    // sub-byte elements are packed bytes; a NumPy text of five letters is five numbers of 4 bytes
    for (const Case& each :
         {Case{0, 1},
          Case{4, 1},
          Case{6, 1},
          Case{8, 1},
          Case{16, 2},
          Case{24, 1},
          Case{32, 4},
          Case{64, 8},
          Case{96, 4},
          Case{128, 16},
          Case{160, 4}}) {
        format::DType dtype;
        dtype.bits = each.bits;
        EXPECT_EQ(mapped_alignment(dtype), each.alignment) << each.bits;
        for (std::uint64_t offset = 4096; offset < 4096 + 32; ++offset) {
            auto layout = layout_of({{80, 960}});
            layout.tensors[0].dtype = dtype;
            layout.tensors[0].data.offset = offset;
            EXPECT_EQ(maps_in_place(items_of(layout)[0]), offset % each.alignment == 0)
                << each.bits << " bits at " << offset;
        }
    }
}

/// Every piece with wanted data is read whole, in one row of chunks, and nothing else but headers.
void expect_pieces(
    std::span<const Item> items,
    const format::Layout& layout,
    const Plan& plan,
    std::uint64_t piece_bytes) {
    std::vector<bool> wanted((layout.file_bytes + piece_bytes - 1) / piece_bytes);
    for (const Item& item : items)
        for_each_read(item, [&](format::Range range) {
            for (std::uint64_t at = range.offset; at < range.end(); at += piece_bytes)
                wanted[at / piece_bytes] = true;
            wanted[(range.end() - 1) / piece_bytes] = true;
        });
    std::vector<bool> read(wanted.size());
    std::vector<std::uint64_t> missing(items.size());
    std::vector<bool> begun(items.size());
    for (std::size_t i = 0; i < items.size(); ++i)
        missing[i] = items[i].tensor->header.bytes + read_bytes(items[i]);
    const auto chunks = plan.chunks();
    for (std::size_t i = 0; i < chunks.size(); i += std::max(1u, chunks[i].piece_chunks)) {
        if (chunks[i].piece_chunks > 0) {
            const std::uint64_t piece = chunks[i].body.offset / piece_bytes;
            EXPECT_FALSE(read[piece]) << "twice";
            read[piece] = true;
            std::uint64_t at = piece * piece_bytes;
            for (const Chunk& chunk : chunks.subspan(i, chunks[i].piece_chunks)) {
                EXPECT_EQ(chunk.body.offset, at);
                at = chunk.body.end();
            }
            EXPECT_EQ(at, std::min((piece + 1) * piece_bytes, layout.file_bytes));
        }
        for (const Chunk& chunk : chunks.subspan(i, std::max(1u, chunks[i].piece_chunks)))
            for (const Segment& segment : chunk.segments) {
                EXPECT_TRUE(chunk.by_pieces);
                EXPECT_GE(segment.range.offset, chunk.body.offset);
                EXPECT_LE(segment.range.end(), chunk.body.end());
                EXPECT_TRUE(segment.header ? !begun[segment.item] : begun[segment.item]);
                if (segment.header) {
                    EXPECT_EQ(segment.range, items[segment.item].header());
                }
                begun[segment.item] = true;
                missing[segment.item] -= segment.range.bytes;
            }
    }
    for (std::size_t piece = 0; piece < wanted.size(); ++piece)
        EXPECT_TRUE(read[piece] || !wanted[piece]);
    for (std::size_t i = 0; i < items.size(); ++i) {
        EXPECT_EQ(missing[i], 0u);
        EXPECT_TRUE(begun[i]);
    }
}

/// Of all tensors, with pieces of two chunks.
Plan plan_by_pieces(const format::Layout& layout) {
    PlanOptions options;
    options.chunk_bytes = chunk_bytes;
    options.piece_bytes = {2 * chunk_bytes};
    const auto items = items_of(layout);
    Plan plan(items, options);
    expect_pieces(items, layout, plan, 2 * chunk_bytes);
    return plan;
}

TEST(Plan, ReadsWholePiecesWhereTheyAreChecked) {
    const auto layout = layout_of({{80, 100'000}, {80, 3'000'000}, {80, 10}});
    const Plan plan = plan_by_pieces(layout);
    ASSERT_EQ(plan.chunks().size(), 3u); // 3.1 MB
    EXPECT_EQ(plan.chunks()[0].piece_chunks, 2u);
    EXPECT_EQ(plan.chunks()[2].piece_chunks, 1u);
}

TEST(Plan, PutsAHeaderAcrossTwoChunksOfPiecesBeforeThem) {
    const auto layout = layout_of({{80, chunk_bytes - 1000 - 80 - 30}, {80, 1000}});
    const Plan plan = plan_by_pieces(layout);
    EXPECT_EQ(plan.chunks()[0].body, layout.tensors[1].header);
    EXPECT_EQ(plan.chunks()[0].piece_chunks, 0u);
}

TEST(Plan, ByPiecesHoldsForRandomLayouts) {
    for (unsigned seed = 0; seed < 300; ++seed) {
        std::mt19937 random(seed);
        std::vector<std::pair<std::uint64_t, std::uint64_t>> sizes(random() % 40 + 1);
        const bool headers = random() % 2;
        for (auto& [header, data] : sizes) {
            header = headers ? 25 + random() % (random() % 10 == 0 ? 200'000 : 200) : 0;
            data = random() % (random() % 4 == 0 ? 5 * chunk_bytes : 3000);
        }
        const auto layout = layout_of(sizes);
        std::vector<Item> items;
        for (const auto& tensor : layout.tensors)
            if (random() % 3 > 0)
                items.push_back(whole_item(layout, tensor, 0));
        std::ranges::shuffle(items, random);
        PlanOptions options;
        options.chunk_bytes = (std::size_t{64} << 10) + random() % (1 << 20);
        options.piece_bytes = {std::uint64_t{64 << 10} << random() % 6};
        expect_pieces(items, layout, Plan(items, options), options.piece_bytes.front());
    }
}

TEST(Plan, MixesFilesWithAndWithoutPieces) {
    const auto first = layout_of({{0, 100'000}, {0, 100'000}});
    const auto second = layout_of({{0, 300'000}, {0, 5}});
    std::vector<Item> items = items_of(first);
    items.push_back(whole_item(second, second.tensors[1], 1));
    items.push_back(whole_item(second, second.tensors[0], 1));
    PlanOptions options;
    options.chunk_bytes = 64 << 10;
    options.piece_bytes = {0, 128 << 10};
    const Plan plan(items, options);
    for (const Chunk& chunk : plan.chunks())
        EXPECT_EQ(chunk.by_pieces, chunk.source == 1);
    EXPECT_EQ(plan.chunks().back().body.end(), second.file_bytes);
}

} // namespace
} // namespace tz
