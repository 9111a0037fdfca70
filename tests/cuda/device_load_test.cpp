// Loads to the fake runtime's devices.
#include "sample_load.hpp"
#include <tz/cuda/device.hpp>
#include <tz/cuda/device_sink.hpp>
#include <tz/format/hash.hpp>
#include <tz/tests/support/safetensors.hpp>

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <utility>

namespace tz::cuda {
namespace {

using test::SampleLoad;

TEST_F(SampleLoad, BringsEveryTensorToTheDevice) {
    save_sample();
    const DeviceLoaded loaded = load_sample();
    expect_all(loaded);
    EXPECT_GE(loaded.device.pinned_bytes, 256u << 10);
    EXPECT_EQ(cuda_.pinned_bytes(), 0u); // no longer
}

TEST_F(SampleLoad, BringsWhatWasSealed) {
    save_sample(64 << 10);
    expect_all(load_sample());
}

TEST_F(SampleLoad, BringsPiecesThatNoChunkHoldsByWayOfTheDriver) {
    save_sample(3 << 20); // gathered in memory that is not pinned
    expect_all(load_sample());
}

TEST_F(SampleLoad, BringsWhatIsHashedInOrder) {
    save_sample();
    load_.verify = Verify::all;
    expect_all(load_sample());
}

TEST_F(SampleLoad, CopiesOverSeveralLoops) {
    save_sample();
    engine_.loops = 3;
    engine_.concurrency = 7;
    expect_all(load_sample());
}

TEST_F(SampleLoad, DealsTensorsToSeveralDevices) {
    cuda_.set_driver(3);
    save_sample();
    device_.devices = {2, 0};
    const DeviceLoaded loaded = load_sample();
    expect_all(loaded);
    std::map<int, std::uint64_t> bytes;
    for (const DeviceTensor& tensor : loaded.on_device[0])
        bytes[tensor.device] += tensor.bytes;
    EXPECT_GT(bytes[0], 1'000'000u);
    EXPECT_GT(bytes[2], 1'000'000u);
    EXPECT_EQ(bytes.count(1), 0u);
}

TEST_F(SampleLoad, UsesNoOtherDeviceOnTheWay) {
    cuda_.set_driver(3);
    save_sample(64 << 10);
    device_.devices = {2};
    device_.decrypt_on = DecryptOn::device;
    cudaStream_t stream = nullptr;
    on_device(2, [&stream] { cudaStreamCreateWithFlags(&stream, 0); });
    device_.stream = stream;
    expect_all(load_sample());
    cudaStreamDestroy(stream);
    EXPECT_EQ(cuda_.devices_used(), std::set<int>{2}); // each context takes memory
}

TEST_F(SampleLoad, ComesAfterWhatTheDefaultStreamHasToDo) {
    save_sample();
    DeviceBlock memory(0, 8 << 20);
    cudaMemsetAsync(memory.data(), 7, memory.bytes(), cudaStreamLegacy);
    device_.stream = cudaStreamLegacy;
    std::size_t used = 0;
    device_.destination = [&](std::size_t, const format::Tensor& tensor, int) {
        return memory.data() + std::exchange(used, used + tensor.bytes);
    };
    const DeviceLoaded loaded = load_sample();
    cudaStreamSynchronize(cudaStreamLegacy);
    expect_all(loaded);
}

TEST_F(SampleLoad, PutsTensorsWhereTheMapSays) {
    cuda_.set_driver(2);
    save_sample();
    device_.devices = {0, 1};
    device_.map = [](std::size_t, const format::Tensor& tensor) {
        return tensor.name == "t1" ? std::size_t{1} : std::size_t{0};
    };
    const DeviceLoaded loaded = load_sample();
    expect_all(loaded);
    for (std::size_t i = 0; i < loaded.on_device[0].size(); ++i)
        EXPECT_EQ(loaded.on_device[0][i].device, i == 1 ? 1 : 0);
}

TEST_F(SampleLoad, UsesMemoryOfTheCallerAfterItsStream) {
    save_sample();
    DeviceBlock memory(0, 8 << 20);
    cudaStream_t stream = nullptr;
    ASSERT_EQ(cudaStreamCreateWithFlags(&stream, 0), cudaSuccess);
    cudaMemsetAsync(memory.data(), 7, memory.bytes(), stream); // would spoil what came before it
    device_.stream = stream;
    std::size_t used = 0;
    device_.destination = [&](std::size_t, const format::Tensor& tensor, int device) {
        EXPECT_EQ(device, 0);
        std::byte* to = memory.data() + used;
        used += tensor.bytes;
        return to;
    };
    const DeviceLoaded loaded = load_sample();
    cudaStreamSynchronize(stream);
    cudaStreamDestroy(stream);
    expect_all(loaded);
    EXPECT_EQ(loaded.device.device_bytes, 0u);
    EXPECT_EQ(loaded.on_device[0][0].memory, nullptr);
}

TEST_F(SampleLoad, FillsTensorsThatNoFileHoldsWithZeros) {
    const std::string golden = std::string(TZ_TEST_DATA) + "/pip-2.8.1_meta.tensors";
    std::filesystem::copy_file(golden, folder_ / "file");
    const DeviceLoaded loaded = load_sample();
    bool found = false;
    for (std::size_t i = 0; i < loaded.on_device[0].size(); ++i) {
        const format::Tensor& tensor = loaded.files[0].layout.tensors[i];
        if (!tensor.meta())
            continue;
        found = true;
        EXPECT_EQ(read_back(loaded.on_device[0][i]), std::vector<std::byte>(tensor.bytes));
    }
    EXPECT_TRUE(found);
}

TEST_F(SampleLoad, CopiesNeighboursOfASafetensorsFileAsOne) {
    save_safetensors();
    const DeviceLoaded loaded = load_sample();
    expect_all(loaded);
    EXPECT_LE(loaded.device.copies, 8u); // 5 MiB in chunks of 1 MiB; 40 tensors
}

TEST_F(SampleLoad, KeepsTheMemoryAsLongAsATensorIsHeld) {
    save_sample();
    DeviceTensor kept;
    {
        const DeviceLoaded loaded = load_sample();
        kept = loaded.on_device[0][1];
    }
    EXPECT_GT(cuda_.device_bytes(), 0u);
    EXPECT_EQ(read_back(kept), sample_.data[1]);
    kept = {};
    EXPECT_EQ(cuda_.device_bytes(), 0u);
}

TEST_F(SampleLoad, CopiesFromMemoryThatCannotBePinned) {
    save_sample();
    engine_.concurrency = 1; // one piece of staging
    cuda_.fail("cudaHostRegister", 1, cudaErrorMemoryAllocation);
    std::vector<std::string> lines;
    device_.log = [&lines](LogLevel, const std::string& line) { lines.push_back(line); };
    const DeviceLoaded loaded = load_sample();
    expect_all(loaded);
    EXPECT_EQ(loaded.device.pinned_bytes, 0u);
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_NE(lines[0].find("refuses to pin"), std::string::npos);
}

TEST(DeviceSink, LeavesCoresToTheLoopAndMoreWhereDataIsOnlyRead) {
    test::FakeCudart cuda;
    const DeviceOptions options;
    const DeviceSink sink(options);

    struct Case {
        unsigned cores;
        unsigned reading;
        unsigned computing;
    };

    for (const Case& each :
         {Case{1, 1, 1}, {2, 1, 1}, {4, 3, 3}, {8, 7, 7}, {16, 13, 15}, {64, 52, 63}}) {
        EXPECT_EQ(sink.workers_max(each.cores, false), each.reading) << each.cores;
        EXPECT_EQ(sink.workers_max(each.cores, true), each.computing) << each.cores;
    }
}

} // namespace
} // namespace tz::cuda
