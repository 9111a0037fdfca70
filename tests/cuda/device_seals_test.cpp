// Sealed data that the device opens, on the fake runtime.
#include "sample_load.hpp"

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace tz::cuda {
namespace {

class DeviceSeals : public test::SampleLoad {
protected:
    DeviceSeals() { device_.decrypt_on = DecryptOn::device; }

    std::uint64_t sample_bytes() const {
        std::uint64_t bytes = 0;
        for (const auto& data : sample_.data)
            bytes += data.size();
        return bytes;
    }
};

TEST_F(DeviceSeals, AreOpenedThere) {
    save_sample(64 << 10);
    const DeviceLoaded loaded = load_sample();
    expect_all(loaded);
    EXPECT_EQ(loaded.device.opened_bytes, sample_bytes());
}

TEST_F(DeviceSeals, AreOpenedOverSeveralLoops) {
    save_sample(32 << 10);
    engine_.loops = 3;
    engine_.concurrency = 7;
    const DeviceLoaded loaded = load_sample();
    expect_all(loaded);
    EXPECT_EQ(loaded.device.opened_bytes, sample_bytes());
}

TEST_F(DeviceSeals, AreOpenedWhereTheirTensorGoes) {
    cuda_.set_driver(2);
    save_sample(64 << 10);
    device_.devices = {1, 0};
    const DeviceLoaded loaded = load_sample();
    expect_all(loaded);
    EXPECT_EQ(loaded.device.opened_bytes, sample_bytes());
}

TEST_F(DeviceSeals, AreOpenedInMemoryOfTheCaller) {
    save_sample(64 << 10);
    DeviceBlock memory(0, 8 << 20);
    std::size_t used = 1; // at no multiple of anything
    device_.destination = [&](std::size_t, const format::Tensor& tensor, int) {
        std::byte* to = memory.data() + used;
        used += tensor.bytes;
        return to;
    };
    const DeviceLoaded loaded = load_sample();
    expect_all(loaded);
    EXPECT_EQ(loaded.device.opened_bytes, sample_bytes());
}

TEST_F(DeviceSeals, AreTheCpusWhereHashesAreCompared) {
    save_sample(64 << 10);
    load_.verify = Verify::all;
    const DeviceLoaded loaded = load_sample();
    expect_all(loaded);
    EXPECT_EQ(loaded.device.opened_bytes, 0u);
}

TEST_F(DeviceSeals, AreTheCpusWherePiecesAreSmallOrLargerThanAChunk) {
    for (const std::uint64_t piece_bytes : {1u << 10, 3u << 20}) {
        std::filesystem::remove(folder_ / "file");
        save_sample(piece_bytes);
        const DeviceLoaded loaded = load_sample();
        expect_all(loaded);
        EXPECT_LT(loaded.device.opened_bytes, sample_bytes());
    }
}

TEST_F(DeviceSeals, AreTheDevicesUnlessTheCpuIsAskedFor) {
    save_sample(64 << 10);
    device_.decrypt_on = DecryptOn::automatic;
    const DeviceLoaded by_device = load_sample();
    expect_all(by_device);
    EXPECT_GT(by_device.device.opened_bytes, 0u);
    device_.decrypt_on = DecryptOn::cpu;
    const DeviceLoaded by_cpu = load_sample();
    expect_all(by_cpu);
    EXPECT_EQ(by_cpu.device.opened_bytes, 0u);
}

TEST_F(DeviceSeals, AreTheCpusWhereNoMemoryIsPinned) {
    save_sample(64 << 10);
    engine_.concurrency = 1;
    cuda_.fail("cudaHostRegister", 2, cudaErrorMemoryAllocation); // the first is of the staging
    const DeviceLoaded loaded = load_sample();
    expect_all(loaded);
    EXPECT_LT(loaded.device.opened_bytes, sample_bytes());
}

TEST_F(DeviceSeals, AreRefusedWhereOneByteWasChanged) {
    save_sample(64 << 10);
    {
        std::fstream file(folder_ / "file", std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(folder_ / "file") / 2));
        file.put('x').put('y');
    }
    const auto error = test::error_of([&] { load_sample(); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::auth);
    EXPECT_NE(std::string(error->what()).find("the MAC of piece"), std::string::npos);
    EXPECT_EQ(cuda_.device_bytes(), 0u);
}

TEST_F(DeviceSeals, AreRefusedWithAnotherKey) {
    save_sample(64 << 10);
    load_.key = std::make_shared<const format::Secret>(format::random_key());
    const auto error = test::error_of([&] { load_sample(); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::auth);
}

TEST_F(DeviceSeals, EndTheLoadWhereTheDeviceFails) {
    save_sample(64 << 10);
    cuda_.fail("enqueue_open", 2, cudaErrorIllegalAddress);
    try {
        load_sample();
        FAIL();
    } catch (const DeviceError& error) {
        EXPECT_TRUE(error.sticky());
        EXPECT_NE(std::string(error.what()).find("sealed pieces"), std::string::npos);
    }
}

TEST_F(DeviceSeals, NeedABuildWithCodeForDevices) {
    cuda_.set_kernels(false);
    save_sample(64 << 10);
    const auto error = test::error_of([&] { load_sample(); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::unsupported);
    EXPECT_NE(std::string(error->what()).find("nvcc"), std::string::npos);
    device_.decrypt_on = DecryptOn::automatic;
    expect_all(load_sample());
}

} // namespace
} // namespace tz::cuda
