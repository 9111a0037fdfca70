// Which samples count as disturbed, and which of them the medians leave out: as tables.
#include <tz/tools/bench_disturbed.hpp>

#include <gtest/gtest.h>

namespace tz::bench {
namespace {

TEST(Disturbed, IsMoreThanTheLimitsAndThanWhatMayBeRounding) {
    struct Case {
        Interference interference;
        unsigned cores;
        const char* because; ///< part of the reason; empty: not disturbed
    };

    // a tick of each core is taken off: 0.02 s of 2 cores, 0.64 s of 64
    const Case cases[] = {
        {{10, 0, 0}, 2, ""},
        {{10, 0.41, 0}, 2, ""},
        {{10, 0.43, 0}, 2, "hypervisor"},
        {{10, 0, 2.01}, 2, ""},
        {{10, 0, 2.03}, 2, "other processes"},
        {{10, 0, 20}, 64, ""},
        {{10, 13.5, 0}, 64, "hypervisor"},
        {{10, 0.9, 2.1}, 2, "hypervisor"},     // 2.2 times over, and 1.04
        {{10, 0.45, 8}, 2, "other processes"}, // 1.1 times over, and 4
        {{0.05, 0.02, 0.02}, 2, ""},           // ticks alone
        {{0.05, 0, 0.04}, 2, "other processes"},
        {{0, 1, 1}, 2, ""}, // nothing was measured
    };
    for (const Case& one : cases) {
        const std::string reason = disturbed_by(one.interference, one.cores);
        SCOPED_TRACE(
            testing::Message() << one.interference.wall_seconds << " s, "
                               << one.interference.steal_seconds << " stolen, "
                               << one.interference.others_cpu_seconds << " others: " << reason);
        EXPECT_EQ(reason.empty(), std::string(one.because).empty());
        EXPECT_NE(reason.find(one.because), std::string::npos);
        EXPECT_EQ(disturbance(one.interference, one.cores) > 1, !reason.empty());
    }
}

TEST(Disturbed, AtMostAThirdIsLeftOutTheWorstFirst) {
    struct Case {
        std::vector<double> disturbances;
        std::vector<bool> left_out;
        bool unsteady;
    };

    const Case cases[] = {
        {{}, {}, false},
        {{0}, {false}, false},
        {{5}, {false}, true},
        {{0, 5}, {false, false}, true},
        {{0, 1, 0}, {false, false, false}, false}, // at the limit is not over it
        {{0, 5, 0}, {false, true, false}, false},
        {{2, 5, 0}, {false, true, false}, true},
        {{2, 2, 0}, {true, false, false}, true}, // the earlier of equals
        {{0, 2, 0, 3, 0, 0, 0}, {false, true, false, true, false, false, false}, false},
        {{4, 2, 0, 3, 0, 0, 0}, {true, false, false, true, false, false, false}, true},
    };
    for (const Case& one : cases) {
        const Sifted sifted = sift_samples(one.disturbances);
        EXPECT_EQ(sifted.left_out, one.left_out) << testing::PrintToString(one.disturbances);
        EXPECT_EQ(sifted.unsteady, one.unsteady) << testing::PrintToString(one.disturbances);
    }
}

} // namespace
} // namespace tz::bench
