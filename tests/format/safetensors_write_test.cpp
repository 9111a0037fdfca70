// What is written is held against the reader of this library, which is strict.
#include <tz/format/error.hpp>
#include <tz/format/safetensors.hpp>
#include <tz/format/safetensors_write.hpp>
#include <tz/format/shard_index.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>

namespace tz::format {
namespace {

SafetensorsSpec spec(std::string name, std::string dtype, std::vector<std::uint64_t> shape) {
    SafetensorsSpec made{std::move(name), std::move(dtype), std::move(shape)};
    std::uint64_t elements = 1;
    for (const std::uint64_t dimension : made.shape)
        elements *= dimension;
    for (const KnownDType& known : safetensors_dtypes())
        if (known.code == made.dtype)
            made.bytes = elements * known.bits / 8;
    return made;
}

std::string text_of(std::span<const std::byte> header) {
    return {reinterpret_cast<const char*>(header.data()) + 8, header.size() - 8};
}

void expect_refused(
    errc kind,
    const std::string& what,
    std::vector<SafetensorsSpec> specs,
    const SafetensorsOptions& options = {}) {
    try {
        plan_safetensors(specs, options);
        ADD_FAILURE() << "taken: " << what;
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), kind) << error.what();
        EXPECT_NE(std::string(error.what()).find(what), std::string::npos) << error.what();
    }
}

TEST(SafetensorsWrite, PlansWhatTheReaderReads) {
    const std::vector<SafetensorsSpec> specs{
        spec("b", "F32", {3, 5}),
        spec("a \"quoted\" \xc3\xa9\n", "BF16", {7}),
        spec("empty", "I64", {0, 4}),
        spec("scalar", "F64", {}),
        spec("packed", "F4", {2, 3}),
        spec("weights", "F16", {64, 4096})};
    SafetensorsOptions options;
    options.metadata = {{"format", "pt"}, {"z", "\xe2\x82\xac \"\\"}, {"a", ""}};
    const SafetensorsPlan plan = plan_safetensors(specs, options);
    ASSERT_EQ(plan.order.size(), specs.size());
    const std::uint64_t file_bytes = plan.layout.file_bytes;
    EXPECT_EQ(safetensors_index_bytes(plan.header, file_bytes), plan.header.size());
    const Layout read = parse_safetensors(plan.header, file_bytes);
    EXPECT_EQ(read.metadata, options.metadata) << "in its order";
    for (std::size_t i = 0; i < specs.size(); ++i) {
        const SafetensorsSpec& wanted = specs[plan.order[i]];
        EXPECT_EQ(read.tensors[i].dtype.code, wanted.dtype);
        EXPECT_EQ(read.tensors[i].shape, wanted.shape);
        EXPECT_EQ(read.tensors[i].bytes, wanted.bytes);
        EXPECT_EQ(plan.layout.tensors[i].data, read.tensors[i].data);
    }
}

TEST(SafetensorsWrite, WritesAFileWithoutTensors) {
    const SafetensorsPlan plan = plan_safetensors({});
    EXPECT_EQ(plan.layout.file_bytes, 4096u);
    EXPECT_TRUE(text_of(plan.header).starts_with("{} "));
}

TEST(SafetensorsWrite, AlignsEachTensorAsFarAsItsSizeAllows) {
    std::vector<SafetensorsSpec> specs;
    for (const std::uint64_t bytes : {1u, 4096u, 0u, 6u, 64u, 2u, 8192u, 12288u, 100u, 4u, 8u, 3u})
        specs.push_back(spec("t" + std::to_string(specs.size()), "U8", {bytes}));
    for (const std::uint64_t alignment : {8u, 64u, 4096u, 1u << 20}) {
        SafetensorsOptions options;
        options.alignment = alignment;
        const SafetensorsPlan plan = plan_safetensors(specs, options);
        EXPECT_EQ(plan.header.size() % alignment, 0u);
        EXPECT_LT(text_of(plan.header).find_last_not_of(' '), plan.header.size());
        for (std::size_t i = 0; i < specs.size(); ++i) {
            const Range data = plan.layout.tensors[i].data;
            const std::uint64_t own = data.bytes == 0 ? 4096 : data.bytes & -data.bytes;
            EXPECT_EQ(data.offset % std::min({own, alignment, std::uint64_t{4096}}), 0u) << i;
        }
        EXPECT_EQ(plan.order.front(), 1u) << "of the same kind in their order";
    }
}

TEST(SafetensorsWrite, RefusesWhatNoReaderCouldTake) {
    const auto good = spec("a", "F32", {4});
    auto short_one = good;
    short_one.bytes = 15;
    expect_refused(errc::usage, "'a'", {short_one});
    expect_refused(errc::usage, "twice", {good, spec("b", "U8", {1}), good});
    expect_refused(errc::usage, "keeps this name", {spec("__metadata__", "F32", {4})});
    expect_refused(errc::usage, "not UTF-8", {spec("\xff", "F32", {4})});
    expect_refused(errc::usage, "no name of a type", {spec("a", "not a type", {0})});
    expect_refused(
        errc::usage, "64 dimensions", {spec("a", "U8", std::vector<std::uint64_t>(65, 1))});
    expect_refused(errc::limit, "the limit is", {spec(std::string(65'536, 'x'), "U8", {1})});
    auto huge = spec("a", "U8", {1});
    huge.bytes = 1ull << 62;
    auto other = huge;
    other.name = "b";
    expect_refused(errc::limit, "2^63", {huge, other});
    SafetensorsOptions odd;
    for (const std::uint64_t alignment : {0ull, 4ull, 24ull, 1ull << 21}) {
        odd.alignment = alignment;
        expect_refused(errc::usage, "no power of two", {good}, odd);
    }
    SafetensorsOptions twice;
    twice.metadata = {{"a", "1"}, {"a", "2"}};
    expect_refused(errc::usage, "twice", {good}, twice);
    twice.metadata = {{"a", "\xc3"}};
    expect_refused(errc::usage, "not UTF-8", {good}, twice);
}

TEST(SafetensorsWrite, CutsShardsWhereTheNextTensorDoesNotFit) {
    struct Case {
        std::vector<std::uint64_t> sizes;
        std::uint64_t bytes_max;
        std::vector<std::size_t> counts;
    };

    const Case cases[] = {
        {{}, 10, {0}},
        {{5}, 10, {1}},
        {{5, 5}, 10, {2}},
        {{5, 6}, 10, {1, 1}},
        {{5, 5, 1}, 10, {2, 1}},
        {{100, 1, 1}, 10, {1, 2}},
        {{1, 100, 1}, 10, {1, 1, 1}},
        {{0, 0, 10, 0, 1}, 10, {4, 1}},
        {{7, 7, 7}, UINT64_MAX, {3}},
        {{7, 7}, 0, {1, 1}},
    };
    for (const Case& c : cases) {
        std::vector<SafetensorsSpec> specs;
        for (const std::uint64_t bytes : c.sizes)
            specs.push_back(spec("t" + std::to_string(specs.size()), "U8", {bytes}));
        const auto shards = split_into_shards(specs, c.bytes_max);
        std::vector<std::size_t> counts;
        for (const auto& shard : shards)
            counts.push_back(shard.size());
        EXPECT_EQ(counts, c.counts);
        EXPECT_EQ(shards.front().data(), specs.data());
    }
}

TEST(SafetensorsWrite, NamesShardsAndTheirList) {
    EXPECT_EQ(shard_name("d/m.safetensors", 2, 5), "d/m-00002-of-00005.safetensors");
    EXPECT_EQ(shard_name("m", 123'456, 123'456), "m-123456-of-123456.safetensors");
    EXPECT_EQ(shard_list_name("d/m.safetensors"), "d/m.safetensors.index.json");
    EXPECT_EQ(shard_list_name("m"), "m.safetensors.index.json");
}

TEST(SafetensorsWrite, ListsWhatIsInWhichShard) {
    const std::vector<SafetensorsSpec> specs{
        spec("z", "U8", {6}), spec("a", "F32", {1}), spec("m\"", "U8", {9})};
    const auto shards = split_into_shards(specs, 10);
    ASSERT_EQ(shards.size(), 2u);
    const std::vector<std::string> names{"1.safetensors", "2.safetensors"};
    const std::string text = write_shard_index(shards, names);
    EXPECT_EQ(
        text,
        "{\n  \"metadata\": {\n    \"total_size\": 19\n  },\n  \"weight_map\": {\n"
        "    \"a\": \"1.safetensors\",\n    \"m\\\"\": \"2.safetensors\",\n"
        "    \"z\": \"1.safetensors\"\n  }\n}\n");
    const ShardIndex read = parse_shard_index(std::as_bytes(std::span(text)));
    EXPECT_EQ(read.shards, names);
    EXPECT_EQ(read.tensors.size(), 3u);
    const std::vector<SafetensorsSpec> same{spec("a", "U8", {6}), spec("a", "U8", {6})};
    EXPECT_THROW(write_shard_index(split_into_shards(same, 6), names), Error);
}

} // namespace
} // namespace tz::format
