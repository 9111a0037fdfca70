#include <tz/engine/geometry.hpp>
#include <tz/tests/support/files.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace tz {
namespace {

constexpr std::size_t mib = 1 << 20;

struct Case {
    const char* what;
    std::size_t memory_limit;
    std::size_t chunk_bytes;
    unsigned concurrency;
    std::size_t chunk_expected;
    unsigned lanes_expected; ///< 0: refused
};

TEST(Geometry, KeepsWhatWasSetAndGivesWayWithTheRest) {
    const Case cases[] = {
        {"defaults", 256 * mib, 0, 0, 4 * mib, 16},
        {"many lanes shrink the chunk", 256 * mib, 0, 128, 2 * mib - 8192, 128},
        {"a large chunk costs lanes", 256 * mib, 64 * mib, 0, 64 * mib, 3},
        {"both fit", 256 * mib, mib, 64, mib, 64},
        {"both set and too large", 256 * mib, 64 * mib, 16, 0, 0},
        {"a small limit costs lanes", 16 * mib, 0, 0, 4 * mib, 3},
        {"a smaller one shrinks the chunk of the last lane", mib, 0, 0, mib - 8192, 1},
        {"the least", (64 << 10) + 8192, 0, 0, 64 << 10, 1},
        {"less than that", 64 << 10, 0, 0, 0, 0},
        {"a chunk above the limit", 16 * mib, 32 * mib, 0, 0, 0},
        {"a chunk below the least", 256 * mib, 4096, 0, 0, 0},
        {"odd sizes are rounded up", 256 * mib, 100'000, 0, 102'400, 16},
    };
    for (const Case& c : cases) {
        EngineOptions options;
        options.memory_limit = c.memory_limit;
        options.chunk_bytes = c.chunk_bytes;
        options.concurrency = c.concurrency;
        Geometry geometry;
        const auto error = test::error_of([&] { geometry = choose_geometry(options); });
        ASSERT_EQ(error.has_value(), c.lanes_expected == 0) << c.what;
        if (error) {
            EXPECT_EQ(error->kind(), errc::usage) << c.what;
            continue;
        }
        EXPECT_EQ(geometry.chunk_bytes, c.chunk_expected) << c.what;
        EXPECT_EQ(geometry.lanes, c.lanes_expected) << c.what;
        EXPECT_GE(geometry.buffers, geometry.lanes) << c.what;
        EXPECT_LE(geometry.buffers * geometry.buffer_bytes, c.memory_limit) << c.what;
    }
}

TEST(Geometry, NeverHasMoreLoopsThanLanes) {
    EngineOptions options;
    options.loops = 8;
    options.concurrency = 2;
    EXPECT_EQ(choose_geometry(options).loops, 2u);
}

TEST(Geometry, GivesRemoteLoadsLargerChunksWhereAllTheirLanesStillFit) {
    struct WidthCase {
        const char* what;
        std::size_t memory_limit;
        std::size_t chunk_bytes;
        unsigned concurrency;
        unsigned width;
    };

    const WidthCase cases[] = {
        {"64 connections under 256 MiB mean 4 MiB", 256 * mib, 0, 0, 1},
        {"under 512 MiB 8 MiB", 512 * mib, 0, 0, 2},
        {"few lanes", 256 * mib, 0, 16, 2},
        {"many lanes", 256 * mib, 0, 128, 1},
        {"a size that was set", 4096 * mib, 4 * mib, 0, 1},
    };
    const std::vector<Preference> remote{remote_preference};
    const std::vector<Preference> mixed{remote_preference, Preference{}};
    for (const WidthCase& c : cases) {
        EngineOptions options;
        options.memory_limit = c.memory_limit;
        options.chunk_bytes = c.chunk_bytes;
        options.concurrency = c.concurrency;
        const Geometry geometry = choose_geometry(options);
        const unsigned width = choose_width(geometry, options, remote);
        EXPECT_EQ(width, c.width) << c.what;
        EXPECT_GE(geometry.buffers / width, std::max(1u, c.concurrency)) << c.what;
        EXPECT_LE(width * geometry.chunk_bytes, remote_preference.chunk_bytes) << c.what;
        EXPECT_EQ(choose_width(geometry, options, mixed), 1u) << c.what;
    }
}

TEST(Geometry, ReservesForTheLanesThatRemoteSourcesMayComeToHave) {
    const Geometry geometry = choose_geometry({});
    EXPECT_EQ(geometry.lanes, 16u) << "of files";
    EXPECT_EQ(geometry.buffers, 63u) << "4 MiB each, and what alignment may add";
    EngineOptions fixed;
    fixed.concurrency = 10;
    fixed.chunk_bytes = mib;
    EXPECT_EQ(choose_geometry(fixed).buffers, 10u);
}

TEST(Geometry, DealsLanesInProportion) {
    const Preference file;
    const Preference remote = remote_preference;
    using Shares = std::vector<LaneShare>;
    const auto deal = [](const std::vector<Preference>& hosts, unsigned total, bool fixed) {
        return deal_lanes(hosts, total, fixed);
    };
    EXPECT_EQ(deal({file}, 63, false), (Shares{{16, 16}}));
    EXPECT_EQ(deal({file}, 3, false), (Shares{{3, 3}}));
    EXPECT_EQ(deal({file}, 40, true), (Shares{{40, 40}}));
    EXPECT_EQ(deal({remote}, 63, false), (Shares{{16, 63}}));
    EXPECT_EQ(deal({remote}, 200, false), (Shares{{16, 64}}));
    EXPECT_EQ(deal({remote}, 5, true), (Shares{{5, 5}}));
    EXPECT_EQ(deal({file, remote}, 63, false), (Shares{{16, 16}, {16, 47}}));
    EXPECT_EQ(deal({file, remote}, 10, false), (Shares{{5, 5}, {5, 5}}));
    EXPECT_EQ(deal({file, remote}, 2, true), (Shares{{1, 1}, {1, 1}}));
    EXPECT_EQ(deal({remote, remote}, 63, false), (Shares{{16, 32}, {16, 31}}));
}

TEST(Geometry, NeverDealsMoreLanesThanThereAre) {
    const std::uint64_t seed = test::seed();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    for (int i = 0; i < 1000; ++i) {
        std::vector<Preference> hosts(1 + random() % 10);
        for (Preference& host : hosts) {
            host.lanes = 1 + static_cast<unsigned>(random() % 20);
            host.lanes_max = host.lanes + static_cast<unsigned>(random() % 50);
        }
        const auto total = static_cast<unsigned>(hosts.size() + random() % 300);
        const bool fixed = random() % 2 == 0;
        const auto shares = deal_lanes(hosts, total, fixed);
        unsigned sum = 0;
        for (std::size_t k = 0; k < hosts.size(); ++k) {
            EXPECT_GE(shares[k].lanes, 1u);
            EXPECT_GE(shares[k].lanes_max, shares[k].lanes);
            EXPECT_TRUE(fixed || shares[k].lanes_max <= hosts[k].lanes_max);
            sum += shares[k].lanes_max;
        }
        EXPECT_TRUE(fixed ? sum == total : sum <= total);
    }
}

} // namespace
} // namespace tz
