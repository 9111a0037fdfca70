// Copies of pinned memory to a GPU, on tests/support/fake_cudart: what is held, and what is said
// when the device refuses.
#include <tz/format/error.hpp>
#include <tz/tests/support/fake_cudart.hpp>
#include <tz/tools/bench_ceilings.hpp>

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <string>

namespace tz::test {
namespace {

using bench::device_ceilings;
using Devices = std::vector<int>;

/// What a sample to cuda:0 throws; nothing may be left of it.
std::string failure_of_sample(FakeCudart& fake) {
    std::string what;
    try {
        device_ceilings(Devices{0}).front().run();
    } catch (const Error& error) {
        what = error.what();
    }
    EXPECT_EQ(fake.violations(), std::vector<std::string>{});
    EXPECT_EQ(fake.device_bytes(), 0u);
    EXPECT_EQ(fake.pinned_bytes(), 0u);
    return what;
}

TEST(BenchPinned, ASampleLeavesNothingPinnedAndNothingOnTheDevice) {
    FakeCudart fake;
    const bench::Sample sample = device_ceilings(Devices{0}).front().run();
    EXPECT_EQ(sample.bytes, std::uint64_t{512} << 20);
    EXPECT_GT(sample.seconds, 0);
    EXPECT_EQ(fake.calls("cudaMemcpyAsync"), 128u);
    EXPECT_EQ(fake.device_bytes_peak(), std::uint64_t{64} << 20);
    EXPECT_EQ(failure_of_sample(fake), "");
}

TEST(BenchPinned, TakesTheFirstDeviceWhereNoneIsNamed) {
    FakeCudart fake;
    fake.set_driver(2);
    const auto entries = device_ceilings({});
    ASSERT_EQ(entries.size(), 1u);
    EXPECT_EQ(entries.front().name, "pinned copies to cuda:0");
    EXPECT_EQ(device_ceilings(Devices{1, 0}).size(), 2u);
    EXPECT_EQ(device_ceilings(Devices{}).size(), 0u);
}

TEST(BenchPinned, HasNoneWhereThereIsNoDriverOrNoDevice) {
    FakeCudart fake;
    fake.set_driver(0);
    EXPECT_EQ(device_ceilings({}).size(), 0u);
    fake.set_driver(1, 0);
    EXPECT_EQ(device_ceilings({}).size(), 0u);
}

TEST(BenchPinned, SaysWhyMemoryCannotBePinned) {
    FakeCudart fake;
    fake.fail("cudaHostRegister", 1, cudaErrorMemoryAllocation);
    const std::string what = failure_of_sample(fake);
    EXPECT_TRUE(what.starts_with("cuda:0: memory can't be pinned")) << what;
    EXPECT_NE(what.find("ulimit -l"), what.npos) << what;
}

TEST(BenchPinned, WaitsForTheCopiesBeforeOneThatFailed) {
    FakeCudart fake;
    fake.set_delays(1000, 1);
    fake.fail("cudaMemcpyAsync", 20, cudaErrorInvalidValue);
    const std::string what = failure_of_sample(fake);
    EXPECT_TRUE(what.starts_with("cuda:0: ")) << what;
    EXPECT_EQ(fake.calls("cudaMemcpyAsync"), 20u);
}

} // namespace
} // namespace tz::test
