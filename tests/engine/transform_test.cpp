#include <tz/engine/transform.hpp>
#include <tz/tests/support/files.hpp>

#include <gtest/gtest.h>

namespace tz {
namespace {

struct Case {
    Verify verify;
    bool has_crc32;
    bool has_sha256;
    bool sealed;
    int checked; ///< 1: CRC-32, 2: SHA-256, 3: both, -1: refused
};

TEST(ChooseChecks, FollowsTheTable) {
    const Case cases[] = {
        {Verify::automatic, true, true, false, 1},
        {Verify::automatic, false, true, false, 2},
        {Verify::automatic, false, true, true, 0},
        {Verify::automatic, false, false, false, 0},
        {Verify::automatic, true, true, true, 0},
        {Verify::none, true, true, false, 0},
        {Verify::none, false, false, false, 0},
        {Verify::crc32, true, true, false, 1},
        {Verify::crc32, false, true, false, -1},
        {Verify::crc32, true, false, true, 1},
        {Verify::sha256, true, true, false, 2},
        {Verify::sha256, true, false, false, -1},
        {Verify::sha256, false, true, true, 2},
        {Verify::all, true, true, false, 3},
        {Verify::all, true, false, false, 1},
        {Verify::all, false, true, true, 2},
        {Verify::all, false, false, false, -1},
        {Verify::all, false, false, true, -1},
    };
    for (const Case& c : cases) {
        format::TensorHeader header;
        if (c.has_crc32)
            header.crc32 = 1;
        if (c.has_sha256)
            header.sha256.emplace();
        if (c.sealed)
            header.seal.emplace();
        Checks checks;
        const auto error =
            test::error_of([&] { checks = choose_checks(c.verify, header, format::Tensor{}); });
        SCOPED_TRACE(&c - cases);
        ASSERT_EQ(error.has_value(), c.checked < 0);
        if (error) {
            EXPECT_EQ(error->kind(), errc::integrity);
            continue;
        }
        EXPECT_EQ(checks.crc32, (c.checked & 1) != 0);
        EXPECT_EQ(checks.sha256, (c.checked & 2) != 0);
    }
}

} // namespace
} // namespace tz
