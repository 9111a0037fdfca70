#include <tz/engine/machine.hpp>

#include <gtest/gtest.h>

#include <sched.h>
#include <thread>

namespace tz {
namespace {

TEST(Machine, SeesAffinity) {
    unsigned cores = 0;
    std::thread limited([&] {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(::sched_getcpu(), &one);
        ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
        cores = cores_available();
    });
    limited.join();
    EXPECT_EQ(cores, 1u);
}

TEST(Machine, HasMemoryAndNeverMoreThanAll) {
    EXPECT_GT(memory_available(), 0u);
    EXPECT_LE(memory_available(), memory_total());
}

} // namespace
} // namespace tz
