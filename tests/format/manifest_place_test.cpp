#include "support/made_file.hpp"
#include <tz/format/file_index.hpp>
#include <tz/format/manifest_parts.hpp>
#include <tz/format/manifest_place.hpp>
#include <tz/format/manifest_root.hpp>

#include <gtest/gtest.h>

#include <algorithm>

namespace tz::test {
namespace {

using namespace tz::format;

constexpr std::uint64_t region_bytes = 4096;

MadeFile file_with_room() {
    MakeOptions options;
    options.write = packed();
    options.region_bytes = region_bytes;
    return make_file({content("a", "<f4", {3}), content("b", "|u1", {5})}, options);
}

Bytes index_of(const MadeFile& file) {
    return slice(file.bytes, 0, file.layout.index_bytes);
}

Bytes manifest_with(std::size_t headers) {
    Manifest manifest;
    manifest.tensors = headers;
    manifest.headers.resize(headers, counting_array<32>(9));
    return write_manifest(manifest);
}

/// The end of an index that has a manifest of this many bytes.
Bytes end_of_manifest(std::uint32_t length) {
    Bytes mark(sizeof length);
    put<std::uint32_t>(mark, 0, length);
    const Bytes magic = from_text(manifest_magic);
    mark.insert(mark.end(), magic.begin(), magic.end());
    return mark;
}

/// What stands in the file after each step.
std::vector<Bytes> states(Bytes index, const std::vector<RegionWrite>& steps) {
    std::vector<Bytes> all;
    for (const RegionWrite& step : steps) {
        std::ranges::copy(step.bytes, index.begin() + static_cast<std::ptrdiff_t>(step.offset));
        all.push_back(index);
    }
    return all;
}

Range unused_of(const Bytes& index, const MadeFile& file) {
    const Layout layout = parse_file_index(index, file.bytes.size());
    return view_index(index, layout).unused();
}

TEST(ManifestPlace, IsNotLookedForWhereThereIsNoRoomForOne) {
    EXPECT_FALSE(find_manifest({}));
    const Bytes mark = end_of_manifest(manifest_end_bytes);
    ASSERT_EQ(mark.size(), manifest_end_bytes);
    for (const std::uint64_t before : {std::uint64_t{0}, prefix_bytes - 1}) {
        Bytes index(before);
        index.insert(index.end(), mark.begin(), mark.end());
        EXPECT_FALSE(find_manifest(index)) << before;
    }
    Bytes index(prefix_bytes);
    index.insert(index.end(), mark.begin(), mark.end());
    EXPECT_EQ(find_manifest(index), (Range{prefix_bytes, manifest_end_bytes}));
}

TEST(ManifestPlace, IsTheEndOfTheRegion) {
    const MadeFile file = file_with_room();
    const Range unused = unused_of(index_of(file), file);
    EXPECT_EQ(unused.end(), prefix_bytes + region_bytes);
    const Range place = place_manifest(unused, 300);
    EXPECT_EQ(place.end(), prefix_bytes + region_bytes);
    EXPECT_EQ(place.bytes, 300u);
    EXPECT_EQ(place_manifest(unused, unused.bytes), unused);
    expect_file_error(
        errc::limit, "free for it", [&] { place_manifest(unused, unused.bytes + 1); });
}

TEST(ManifestPlace, IsFoundAndPassedOver) {
    const MadeFile file = file_with_room();
    Bytes index = index_of(file);
    EXPECT_FALSE(find_manifest(index));
    const Bytes manifest = manifest_with(2);
    index = states(index, manifest_steps(unused_of(index, file), {}, manifest)).back();
    const auto found = find_manifest(index);
    ASSERT_TRUE(found);
    EXPECT_EQ(slice(index, found->offset, found->bytes), manifest);
    EXPECT_EQ(without_manifest(index, *found), index_of(file));
    EXPECT_EQ(parse_file_index(index, file.bytes.size()).tensors.size(), 2u);
}

TEST(ManifestPlace, EveryStepLeavesAReadableFile) {
    const MadeFile file = file_with_room();
    const Bytes start = index_of(file);
    const Range unused = unused_of(start, file);
    const Bytes sizes[] = {{}, manifest_with(1), manifest_with(40), manifest_with(10)};
    for (const Bytes& from : sizes) {
        for (const Bytes& to : sizes) {
            SCOPED_TRACE(std::to_string(from.size()) + " to " + std::to_string(to.size()));
            Bytes index = start;
            for (const Bytes& state : states(index, manifest_steps(unused, {}, from)))
                index = state;
            const auto steps = manifest_steps(unused, find_manifest(index), to);
            for (const Bytes& state : states(index, steps)) {
                EXPECT_EQ(parse_file_index(state, file.bytes.size()).tensors.size(), 2u);
                index = state;
            }
            const auto found = find_manifest(index);
            ASSERT_EQ(found.has_value(), !to.empty());
            if (found) {
                EXPECT_EQ(slice(index, found->offset, found->bytes), to);
            } else {
                EXPECT_EQ(index, start);
            }
        }
    }
}

TEST(ManifestPlace, AHalfWrittenManifestIsNone) {
    const MadeFile file = file_with_room();
    const Bytes manifest = manifest_with(2);
    const auto steps = manifest_steps(unused_of(index_of(file), file), {}, manifest);
    const auto all = states(index_of(file), steps);
    for (std::size_t i = 0; i + 1 < all.size(); ++i) {
        const auto found = find_manifest(all[i]);
        if (found) {
            EXPECT_THROW(parse_manifest(slice(all[i], found->offset, found->bytes)), Error);
        }
    }
}

TEST(ManifestPlace, ALengthBeyondTheIndexIsRefused) {
    const MadeFile file = file_with_room();
    Bytes index = index_of(file);
    put_text(index, index.size() - 8, "TZMANIF1");
    for (const std::uint32_t length : {0u, 11u, 4097u, 0xffffffffu}) {
        put<std::uint32_t>(index, index.size() - 12, length);
        expect_file_error(
            errc::format, "does not fit", [&] { parse_file_index(index, file.bytes.size()); });
    }
}

TEST(ManifestPlace, BytesThatAreNoManifestAreRefusedAsEver) {
    const MadeFile file = file_with_room();
    Bytes index = index_of(file);
    index.back() = std::byte{1};
    expect_file_error(
        errc::format, "goes on after", [&] { parse_file_index(index, file.bytes.size()); });
    // one that would cover the entries
    put_text(index, index.size() - 8, "TZMANIF1");
    put<std::uint32_t>(index, index.size() - 12, region_bytes);
    EXPECT_THROW(parse_file_index(index, file.bytes.size()), Error);
}

} // namespace
} // namespace tz::test
