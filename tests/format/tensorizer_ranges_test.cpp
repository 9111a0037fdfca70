// Shapes, sizes and offsets in the index.
#include "support/damage.hpp"

#include <gtest/gtest.h>

namespace tz::format {
namespace {

using namespace tz::test;
using namespace std::string_literals;

constexpr std::size_t version_at = 5;
constexpr std::size_t count_at = 57;

MadeFile base() {
    return make_file({
        content("first", "<f4", {2, 3}),
        content("second", "<V2\0torch.bfloat16"s, {5}),
        content("third", "<i8", {}),
    });
}

// Entries with tags, the last one with long dimensions.
MadeFile tagged() {
    return make_file({content("first", "<f4", {2}), content("long", "<f4", {1ull << 32, 0})});
}

TEST(IndexRanges, WithABadShapeIsRefused) {
    const auto shape = [](std::uint32_t outer, std::uint32_t inner) {
        return [outer, inner](MadeFile& file) {
            put<std::uint32_t>(file.bytes, entry_places(file, 0).shape, outer);
            put<std::uint32_t>(file.bytes, entry_places(file, 0).shape + 4, inner);
        };
    };
    expect_refused(
        base(),
        {
            {"other product", errc::format, "does not fit dtype and shape", shape(2, 4)},
            {"no elements", errc::format, "does not fit dtype and shape", shape(0, 3)},
            {"overflow", errc::format, "multiply to more than 2^63", shape(0xffffffff, 0xffffffff)},
            {"65 dimensions",
             errc::format,
             "65 dimensions",
             [](auto& f) { put<std::uint8_t>(f.bytes, entry_places(f, 0).dimensions, 65); }},
            {"255 dimensions",
             errc::format,
             "255 dimensions",
             [](auto& f) { put<std::uint8_t>(f.bytes, entry_places(f, 0).dimensions, 255); }},
        });
    // (2^32)^2 x 2^3 is 8 modulo 2^64
    MadeFile wrapped = make_file({content("long", "<f8", {1ull << 32, 0, 1})});
    put<std::uint64_t>(wrapped.bytes, entry_places(wrapped, 0).shape + 8, 1ull << 32);
    expect_file_error(errc::format, "multiply", [&] { parse_all(wrapped.bytes); });
    put<std::uint64_t>(wrapped.bytes, entry_places(wrapped, 0).shape + 16, 0);
    expect_file_error(errc::format, "multiply", [&] { parse_all(wrapped.bytes); });
}

TEST(IndexRanges, WithABadEntryTagIsRefused) {
    const auto tag = [](std::uint32_t value) {
        return [value](MadeFile& file) {
            put<std::uint32_t>(file.bytes, entry_places(file, 1).tag, value);
        };
    };
    expect_refused(
        tagged(),
        {
            {"0", errc::unsupported, "entry version 0", tag(0)},
            {"2", errc::unsupported, "entry version 2", tag(2)},
            {"6", errc::unsupported, "entry version 6", tag(6)},
            {"short for long", errc::format, "", tag(1)},
        });
}

TEST(IndexRanges, ReadsLongDimensions) {
    const Layout layout = parse_all(tagged().bytes).layout;
    EXPECT_EQ(layout.version, 5u);
    EXPECT_FALSE(layout.tensors[0].long_dimensions);
    EXPECT_TRUE(layout.tensors[1].long_dimensions);
    EXPECT_EQ(layout.tensors[1].shape, (std::vector<std::uint64_t>{1ull << 32, 0}));
    EXPECT_EQ(layout.tensors[1].bytes, 0u);
}

TEST(IndexRanges, ReadsEntriesOfVersion5WithoutALongDimension) {
    MadeFile file = tagged();
    for (const std::size_t at : {entry_places(file, 1).shape, header_places(file, 1).shape})
        put<std::uint64_t>(file.bytes, at, 7);
    EXPECT_EQ(parse_all(file.bytes).layout.tensors[1].shape, (std::vector<std::uint64_t>{7, 0}));
}

TEST(IndexRanges, PlacesATensorOfMoreThan4GiB) {
    const std::uint64_t size = (1ull << 32) + 8;
    const Layout layout =
        plan_file(std::vector<TensorSpec>{{"w", TensorKind::state, "|u1", {size}, size}}, {});
    const Layout read = parse_index(write_index(layout), layout.file_bytes);
    EXPECT_EQ(read.tensors[0].bytes, size);
    EXPECT_EQ(read.tensors[0].data, layout.tensors[0].data);
}

// The last tensor of the file without its data, as a meta tensor is stored.
MadeFile emptied(std::uint32_t version) {
    MadeFile file = make_file({content("a", "|u1", {3}), content("b", "<f4", {2, 2})});
    put<std::uint32_t>(file.bytes, version_at, version);
    put<std::uint64_t>(file.bytes, entry_places(file, 1).data_length, 0);
    put<std::uint64_t>(file.bytes, header_places(file, 1).data_length, 0);
    file.bytes.resize(file.layout.tensors[1].data.offset);
    return file;
}

TEST(IndexRanges, ReadsMetaTensorsFromVersion4On) {
    for (const std::uint32_t version : {4, 5}) {
        const Layout layout = parse_all(emptied(version).bytes).layout;
        EXPECT_TRUE(layout.tensors[1].meta());
        EXPECT_EQ(layout.tensors[1].bytes, 16u);
        EXPECT_EQ(layout.tensors[1].data.bytes, 0u);
    }
    for (const std::uint32_t version : {1, 2})
        expect_file_error(
            errc::format, "data length 0 does not fit", [&] { parse_all(emptied(version).bytes); });
}

TEST(IndexRanges, TellsHowMuchAHugeMetaTensorTakes) {
    MadeFile file = emptied(4);
    for (const std::size_t at : {entry_places(file, 1).shape, header_places(file, 1).shape}) {
        put<std::uint32_t>(file.bytes, at, 1u << 30);
        put<std::uint32_t>(file.bytes, at + 4, 1u << 30);
    }
    EXPECT_EQ(parse_all(file.bytes).layout.total_bytes(), (1ull << 62) + 3);
}

TEST(IndexRanges, OfMoreThan2To64BytesInAllIsRefused) {
    std::vector<Content> tensors;
    for (int i = 0; i < 5; ++i)
        tensors.push_back(content("w" + std::to_string(i), "<f4", {1, 0}));
    MadeFile file = make_file(tensors);
    put<std::uint32_t>(file.bytes, version_at, 4);
    for (int i = 0; i < 5; ++i) {
        put<std::uint32_t>(file.bytes, entry_places(file, i).shape, 1u << 30);
        put<std::uint32_t>(file.bytes, entry_places(file, i).shape + 4, 1u << 30);
    }
    expect_file_error(errc::limit, "in all", [&] { parse_all(file.bytes); });
}

TEST(IndexRanges, WithBadOffsetsIsRefused) {
    const auto offsets = [](std::size_t tensor, std::uint64_t header, std::uint64_t data) {
        return [=](MadeFile& file) {
            const EntryPlaces places = entry_places(file, tensor);
            put<std::uint64_t>(file.bytes, places.header_offset, header);
            put<std::uint64_t>(file.bytes, places.data_offset, data);
        };
    };
    const MadeFile file = base();
    const Tensor& first = file.layout.tensors[0];
    const Tensor& second = file.layout.tensors[1];
    const std::uint64_t end = file.bytes.size();
    expect_refused(
        file,
        {
            {"into the index", errc::format, "overlaps", offsets(0, 80, first.data.offset)},
            {"at 0", errc::format, "overlaps", offsets(0, 0, 80)},
            {"aliased",
             errc::format,
             "overlaps",
             offsets(1, first.header.offset, first.data.offset)},
            {"into the data before",
             errc::format,
             "overlaps",
             offsets(1, second.header.offset - 1, second.data.offset)},
            {"data before its header",
             errc::format,
             "too little room",
             offsets(1, second.data.offset, second.header.offset)},
            {"no header",
             errc::format,
             "too little room",
             offsets(1, second.data.offset, second.data.offset)},
            {"small header",
             errc::format,
             "too little room",
             offsets(1, second.data.offset - 40, second.data.offset)},
            {"at the end", errc::format, "but the file ends", offsets(2, end, end + 100)},
            {"data past the end",
             errc::format,
             "but the file ends",
             offsets(2, file.layout.tensors[2].header.offset, end - 7)},
            {"far past the end",
             errc::format,
             "but the file ends",
             offsets(2, 1ull << 60, (1ull << 60) + 100)},
            {"overflow", errc::format, "but the file ends", offsets(2, ~0ull - 100, ~0ull)},
            {"wrap around", errc::format, "too little room", offsets(2, ~0ull - 7, 100)},
        });
}

TEST(IndexRanges, WithSwappedEntriesIsRefused) {
    MadeFile file = make_file({content("a", "|u1", {4}), content("b", "|u1", {4})});
    const auto first = entry_places(file, 0).header_offset;
    const auto second = entry_places(file, 1).header_offset;
    std::swap_ranges(
        file.bytes.begin() + static_cast<std::ptrdiff_t>(first),
        file.bytes.begin() + static_cast<std::ptrdiff_t>(first + 24),
        file.bytes.begin() + static_cast<std::ptrdiff_t>(second));
    expect_file_error(errc::format, "overlaps", [&] { parse_all(file.bytes); });
}

TEST(IndexRanges, WithAnEndlessDataLengthIsRefused) {
    for (const std::uint64_t length : {1ull << 63, ~0ull, ~0ull - 200, 25ull, 1ull}) {
        MadeFile file = base();
        put<std::uint64_t>(file.bytes, entry_places(file, 0).data_length, length);
        expect_file_error(
            errc::format, "does not fit dtype and shape", [&] { parse_all(file.bytes); });
    }
}

TEST(IndexRanges, AllowsTensorsThatItDoesNotList) {
    MadeFile file = base();
    const EntryPlaces second = entry_places(file, 1);
    const EntryPlaces third = entry_places(file, 2);
    Bytes rest = slice(file.bytes, third.name_length, file.layout.index_bytes - third.name_length);
    rest.resize(file.layout.index_bytes - second.name_length);
    std::copy(
        rest.begin(),
        rest.end(),
        file.bytes.begin() + static_cast<std::ptrdiff_t>(second.name_length));
    put<std::uint64_t>(file.bytes, count_at, 2);
    const Layout layout = parse_all(file.bytes).layout;
    ASSERT_EQ(layout.tensors.size(), 2u);
    EXPECT_EQ(layout.tensors[1].name, "third");
}

} // namespace
} // namespace tz::format
