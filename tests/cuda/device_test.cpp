#include <tz/cuda/device.hpp>
#include <tz/cuda/device_error.hpp>
#include <tz/cuda/device_memory.hpp>
#include <tz/tests/support/fake_cudart.hpp>
#include <tz/tests/support/files.hpp>

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

namespace tz::cuda {
namespace {

std::string problem_of(const std::function<void()>& body) {
    const auto error = test::error_of(body);
    return error ? error->problem() : "none";
}

TEST(Device, SaysThatThereIsNoDriver) {
    test::FakeCudart cuda;
    cuda.set_driver(0, 0);
    EXPECT_EQ(problem_of([] { open_device(0); }), "there is no NVIDIA driver");
}

TEST(Device, SaysThatTheDriverIsOld) {
    test::FakeCudart cuda;
    cuda.set_driver(1, 11080);
    const std::string problem = problem_of([] { open_device(0); });
    EXPECT_TRUE(problem.starts_with("the NVIDIA driver knows CUDA 11.8 at most")) << problem;
}

TEST(Device, SaysThatThereIsNoGpu) {
    test::FakeCudart cuda;
    cuda.set_driver(0);
    EXPECT_EQ(problem_of([] { open_device(0); }), "the NVIDIA driver sees no GPU");
}

TEST(Device, SaysHowManyThereAre) {
    test::FakeCudart cuda;
    cuda.set_driver(2);
    open_device(1);
    EXPECT_EQ(problem_of([] { open_device(2); }), "there is no such device: the driver shows 2");
}

TEST(Device, LeavesAThreadWithTheDeviceItHad) {
    test::FakeCudart cuda;
    cuda.set_driver(3);
    cudaSetDevice(2);
    int device = 0;
    on_device(1, [&device] { cudaGetDevice(&device); });
    EXPECT_EQ(device, 1);
    cudaGetDevice(&device);
    EXPECT_EQ(device, 2);
    cudaSetDevice(0);
}

TEST(Device, PassesOnWhatTheWorkThrows) {
    test::FakeCudart cuda;
    EXPECT_EQ(problem_of([] { on_device(0, [] { throw Error(errc::usage, "no"); }); }), "no");
}

TEST(DeviceBlock, SaysWhenThereIsNoRoomThoughThereSeemedToBe) {
    test::FakeCudart cuda;
    cuda.fail("cudaMalloc", 1, cudaErrorMemoryAllocation);
    const auto error = test::error_of([] { DeviceBlock(0, 1000); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::limit);
    EXPECT_EQ(error->problem(), "no room for 1000 bytes on the device");
}

TEST(DeviceBlock, GivesItsMemoryBackOnAnyThread) {
    test::FakeCudart cuda;
    auto block = std::make_unique<DeviceBlock>(0, 1000);
    EXPECT_EQ(cuda.device_bytes(), 1000u);
    std::thread([&block] { block.reset(); }).join();
    EXPECT_EQ(cuda.device_bytes(), 0u);
}

} // namespace
} // namespace tz::cuda
