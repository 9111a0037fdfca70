// The region for the index, and options that have no choice.
#include "support/made_file.hpp"
#include <tz/format/tensorizer_append.hpp>

#include <gtest/gtest.h>

namespace tz::format {
namespace {

using namespace tz::test;

/// Entries of 37 bytes with this many characters more in their names.
std::vector<TensorSpec> specs_of(std::size_t count, std::size_t more) {
    std::vector<TensorSpec> specs;
    for (std::size_t i = 0; i < count; ++i) {
        std::string name = std::to_string(i);
        name.insert(0, 1 + more - name.size(), 'n');
        specs.push_back({name, TensorKind::state, "<f4", {2}, 8});
    }
    return specs;
}

std::uint64_t region_of(const std::vector<TensorSpec>& specs, const WriteOptions& options) {
    const Layout layout = plan_file(specs, options);
    EXPECT_EQ(write_index(layout).size(), layout.index_bytes);
    EXPECT_EQ(layout.tensors[0].header.offset, layout.index_bytes);
    return layout.index_bytes - prefix_bytes;
}

TEST(Region, IsAsLargeAsPipsUntilEntriesTakeMore) {
    // 1024 entries of 256 bytes are pip's region
    EXPECT_EQ(region_of(specs_of(1, 0), {}), usual_region_bytes);
    EXPECT_EQ(region_of(specs_of(1024, 219), {}), usual_region_bytes);
    EXPECT_EQ(region_of(specs_of(1025, 219), {}), usual_region_bytes + 256);
    EXPECT_EQ(region_of(specs_of(4000, 219), {}), 4000 * 256u);
    EXPECT_EQ(region_of(specs_of(100'000, 63), {}), 100'000 * 100u);
}

TEST(Region, KeepsAReserveBehindTheEntries) {
    struct Case {
        std::uint64_t minimum;
        std::uint64_t reserve;
        std::uint64_t region;
    };

    for (const Case& each : std::vector<Case>{
             {0, 0, 37 * 256},
             {0, 1, 37 * 256 + 1},
             {0, 4096, 37 * 256 + 4096},
             {usual_region_bytes, 4096, usual_region_bytes},
             {usual_region_bytes, usual_region_bytes - 37 * 256, usual_region_bytes},
             {usual_region_bytes, usual_region_bytes - 37 * 256 + 1, usual_region_bytes + 1},
             {37 * 256, 0, 37 * 256},
             {37 * 256 + 1, 0, 37 * 256 + 1},
             {1 << 20, 0, 1 << 20},
         }) {
        WriteOptions options;
        options.region_bytes_min = each.minimum;
        options.region_reserve = each.reserve;
        const auto specs = specs_of(37, 219);
        EXPECT_EQ(region_of(specs, options), each.region);
        const auto index = write_index(plan_file(specs, options));
        EXPECT_EQ(
            Bytes(index.end() - static_cast<std::ptrdiff_t>(each.reserve), index.end()),
            Bytes(each.reserve));
    }
}

TEST(Region, LeavesRoomForEachTensor) {
    for (const std::size_t tensors : {1, 37, 10'000}) {
        WriteOptions options;
        options.region_bytes_min = 0;
        options.region_reserve = 100;
        options.region_reserve_each = 32;
        EXPECT_EQ(region_of(specs_of(tensors, 219), options), 256 * tensors + 100 + 32 * tensors);
    }
}

TEST(Region, IsNotLargerThanWhatIsRead) {
    WriteOptions options;
    options.region_reserve_each = index_bytes_max;
    expect_error(errc::limit, "too long", [&] { plan_file(specs_of(1, 0), options); });
    options.region_reserve_each = UINT64_MAX;
    expect_error(errc::limit, "region", [&] { plan_file(specs_of(1, 0), options); });
    options.region_reserve_each = 0;
    options.region_reserve = index_bytes_max;
    expect_error(errc::limit, "too long", [&] { plan_file(specs_of(1, 0), options); });
    options.region_reserve = UINT64_MAX;
    expect_error(errc::limit, "region", [&] { plan_file(specs_of(1, 0), options); });
    options.region_reserve = 0;
    options.region_bytes_min = UINT64_MAX;
    expect_error(errc::limit, "region", [&] { plan_file(specs_of(1, 0), options); });
}

TEST(LikePip, HasPipsRegionOrIsRefused) {
    EXPECT_EQ(region_of(specs_of(1024, 219), like_pip_options()), usual_region_bytes);
    expect_error(errc::limit, "262144 bytes, and they take 262400", [] {
        plan_file(specs_of(1025, 219), like_pip_options());
    });
}

TEST(LikePip, LeavesNoOtherChoice) {
    const std::vector<void (*)(WriteOptions&)> changes{
        [](WriteOptions& options) { options.crc32 = false; },
        [](WriteOptions& options) { options.sha256 = false; },
        [](WriteOptions& options) { options.piece_bytes = 1024; },
        [](WriteOptions& options) { options.small_alignment = 64; },
        [](WriteOptions& options) { options.large_alignment = 64; },
        [](WriteOptions& options) { options.region_bytes_min = 0; },
        [](WriteOptions& options) { options.region_reserve = 1; },
        [](WriteOptions& options) { options.region_reserve_each = 1; },
    };
    for (const auto& change : changes) {
        WriteOptions options = like_pip_options();
        change(options);
        expect_error(errc::usage, "no choice", [&] { plan_file(specs_of(1, 0), options); });
    }
}

} // namespace
} // namespace tz::format
