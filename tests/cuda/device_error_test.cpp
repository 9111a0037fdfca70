#include <tz/cuda/device_error.hpp>
#include <tz/tests/support/fake_cudart.hpp>
#include <tz/tests/support/files.hpp>

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

namespace tz::cuda {
namespace {

TEST(DeviceError, SaysWhichDeviceWhichCallAndWhetherItIsTheEnd) {
    const test::FakeCudart cuda;
    try {
        check(3, cudaErrorIllegalAddress, "cudaMemcpyAsync");
        FAIL();
    } catch (const DeviceError& error) {
        EXPECT_EQ(error.kind(), errc::device);
        EXPECT_EQ(error.device(), 3);
        EXPECT_EQ(error.code(), cudaErrorIllegalAddress);
        EXPECT_TRUE(error.sticky());
        EXPECT_EQ(error.source(), "cuda:3");
        EXPECT_NE(std::string(error.what()).find("cudaMemcpyAsync"), std::string::npos);
        EXPECT_NE(error.hint().find("end this process"), std::string::npos);
    }
}

TEST(DeviceError, CountsNoRoomAmongTheLimits) {
    EXPECT_EQ(DeviceError(0, cudaErrorMemoryAllocation, "no room").kind(), errc::limit);
}

TEST(DeviceError, KnowsWhatEndsADevice) {
    for (const int code :
         {cudaErrorIllegalAddress,
          cudaErrorLaunchFailure,
          cudaErrorECCUncorrectable,
          cudaErrorAssert,
          cudaErrorHardwareStackError})
        EXPECT_TRUE(is_sticky(code)) << code;
    for (const int code :
         {cudaSuccess,
          cudaErrorInvalidValue,
          cudaErrorMemoryAllocation,
          cudaErrorNotReady,
          cudaErrorHostMemoryAlreadyRegistered,
          cudaErrorNoDevice})
        EXPECT_FALSE(is_sticky(code)) << code;
}

TEST(DeviceError, TakesItsOwnErrorsOffTheRecord) {
    const test::FakeCudart cuda;
    test::FakeCudart::leave_error(cudaErrorInvalidValue); // as the call that failed would
    EXPECT_THROW(check(0, cudaErrorInvalidValue, "cudaMalloc"), DeviceError);
    EXPECT_EQ(test::FakeCudart::last_error(), cudaSuccess);
}

TEST(DeviceError, LeavesTheProgramsErrorsOnTheRecord) {
    const test::FakeCudart cuda;
    check_entry(0);
    test::FakeCudart::leave_error(cudaErrorInvalidValue);
    const auto error = test::error_of([] { check_entry(0); });
    ASSERT_TRUE(error);
    EXPECT_NE(error->problem().find("before this load"), std::string::npos);
    EXPECT_EQ(test::FakeCudart::last_error(), cudaErrorInvalidValue);
}

} // namespace
} // namespace tz::cuda
