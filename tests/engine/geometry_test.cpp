#include <tz/engine/geometry.hpp>
#include <tz/tests/support/files.hpp>

#include <gtest/gtest.h>

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
        EXPECT_LE(geometry.lanes * geometry.buffer_bytes, c.memory_limit) << c.what;
    }
}

TEST(Geometry, NeverHasMoreLoopsThanLanes) {
    EngineOptions options;
    options.loops = 8;
    options.concurrency = 2;
    EXPECT_EQ(choose_geometry(options).loops, 2u);
}

} // namespace
} // namespace tz
