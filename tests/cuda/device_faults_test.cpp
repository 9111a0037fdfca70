// What is left behind by loads to devices that fail.
#include "given_memory.hpp"
#include "sample_load.hpp"
#include <tz/cuda/device_memory.hpp>
#include <tz/engine/loop.hpp>
#include <tz/tests/support/memory_source.hpp>

#include <cuda_runtime_api.h>

#include <algorithm>
#include <new>
#include <optional>
#include <stop_token>

namespace tz::cuda {
namespace {

class DeviceFaults : public test::SampleLoad {
protected:
    std::optional<DeviceError> device_error() {
        try {
            load_sample();
        } catch (const DeviceError& error) {
            return error;
        }
        return {};
    }

    void expect_nothing_left() {
        EXPECT_EQ(cuda_.device_bytes(), 0u);
        EXPECT_EQ(cuda_.pinned_bytes(), 0u);
    }
};

struct FailingCall {
    const char* name;
    unsigned nth; ///< of the load; among those whose answer matters
};

TEST_F(DeviceFaults, EndTheLoadWithATypedErrorWhicheverCallFails) {
    save_sample();
    for (const auto& [name, nth] : std::vector<FailingCall>{
             {"cudaGetDeviceCount", 1},
             {"cudaSetDevice", 1},
             {"cudaSetDevice", 2},
             {"cudaFree", 1},
             {"cudaMemGetInfo", 1},
             {"cudaMalloc", 1},
             {"cudaStreamCreateWithFlags", 1},
             {"cudaStreamCreateWithFlags", 2},
             {"cudaEventCreateWithFlags", 1},
             {"cudaEventCreateWithFlags", 2},
             {"cudaEventRecord", 1},
             {"cudaEventRecord", 5},
             {"cudaEventQuery", 1},
             {"cudaEventQuery", 7},
             {"cudaMemcpyAsync", 1},
             {"cudaMemcpyAsync", 5}}) {
        SCOPED_TRACE(std::string(name) + " " + std::to_string(nth));
        cuda_.fail(name, nth, cudaErrorInvalidValue);
        const auto error = device_error();
        ASSERT_TRUE(error);
        EXPECT_EQ(error->kind(), errc::device);
        EXPECT_EQ(error->code(), cudaErrorInvalidValue);
        EXPECT_FALSE(error->sticky());
        EXPECT_EQ(error->source(), "cuda:0");
        expect_nothing_left();
        expect_all(load_sample()); // the device is as good as before
    }
}

TEST_F(DeviceFaults, AreToldApartByTheirCodeWhicheverCallFails) {
    struct Code {
        int code;
        bool sticky;
    };

    constexpr Code codes[] = {
        {cudaErrorInvalidValue, false},
        {cudaErrorMemoryAllocation, false},
        {cudaErrorInitializationError, false},
        {cudaErrorCudartUnloading, false},
        {cudaErrorInsufficientDriver, false},
        {cudaErrorDevicesUnavailable, false},
        {cudaErrorNoDevice, false},
        {cudaErrorInvalidDevice, false},
        {cudaErrorNotPermitted, false},
        {cudaErrorSystemNotReady, false},
        {cudaErrorUnknown, false},
        {cudaErrorECCUncorrectable, true},
        {cudaErrorIllegalAddress, true},
        {cudaErrorLaunchTimeout, true},
        {cudaErrorAssert, true},
        {cudaErrorHardwareStackError, true},
        {cudaErrorIllegalInstruction, true},
        {cudaErrorMisalignedAddress, true},
        {cudaErrorLaunchFailure, true},
        {cudaErrorNvlinkUncorrectable, true},
    };
    save_sample();
    for (const char* const name :
         {"cudaGetDeviceCount",
          "cudaSetDevice",
          "cudaMemGetInfo",
          "cudaMalloc",
          "cudaStreamCreateWithFlags",
          "cudaEventCreateWithFlags",
          "cudaEventRecord",
          "cudaEventQuery",
          "cudaMemcpyAsync"})
        for (const auto& [code, sticky] : codes) {
            SCOPED_TRACE(std::string(name) + ": " + std::to_string(code));
            test::FakeCudart fresh;
            fresh.fail(name, 1, code);
            const auto error = device_error();
            ASSERT_TRUE(error);
            const bool room = code == cudaErrorMemoryAllocation;
            EXPECT_EQ(error->kind(), room ? errc::limit : errc::device);
            EXPECT_EQ(error->code(), code);
            EXPECT_EQ(error->sticky(), sticky);
            if (sticky) // the device takes nothing back, either
                continue;
            EXPECT_EQ(fresh.device_bytes(), 0u);
            EXPECT_EQ(fresh.pinned_bytes(), 0u);
        }
}

TEST_F(DeviceFaults, EndTheLoadWhicheverCallFailsWhileItOpensSeals) {
    save_sample(64 << 10);
    device_.decrypt_on = DecryptOn::device;
    for (const auto& [name, nth] : std::vector<FailingCall>{
             {"cudaMemcpyAsync", 1},
             {"cudaMemcpyAsync", 2},
             {"cudaMemcpyAsync", 3},
             {"cudaMemcpyAsync", 8},
             {"cudaMemsetAsync", 1},
             {"enqueue_open", 1},
             {"enqueue_open", 4},
             {"cudaMalloc", 2}}) {
        SCOPED_TRACE(std::string(name) + " " + std::to_string(nth));
        cuda_.fail(name, nth, cudaErrorInvalidValue);
        const auto error = device_error();
        ASSERT_TRUE(error);
        EXPECT_EQ(error->kind(), errc::device);
        EXPECT_FALSE(error->sticky());
        expect_nothing_left();
        expect_all(load_sample());
    }
}

TEST_F(DeviceFaults, EndTheLoadWhenTheDeviceDies) {
    save_sample();
    for (const unsigned nth : {1u, 5u, 11u}) {
        test::FakeCudart fresh;
        fresh.set_delays(300, 1);
        fresh.fail_work(nth, cudaErrorIllegalAddress);
        const auto error = device_error();
        ASSERT_TRUE(error) << nth;
        EXPECT_TRUE(error->sticky());
        const auto again = device_error(); // at once, and nothing is tried
        ASSERT_TRUE(again);
        EXPECT_TRUE(again->sticky());
    }
}

TEST_F(DeviceFaults, SayBeforeAnyReadThatThereIsNoRoom) {
    save_sample();
    cuda_.set_memory(1 << 20);
    const auto error = device_error();
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::limit);
    EXPECT_NE(error->problem().find("1048576 of 1048576 bytes"), std::string::npos);
    EXPECT_EQ(cuda_.device_bytes_peak(), 0u);
    EXPECT_EQ(cuda_.calls("cudaMemcpyAsync"), 0u);
}

TEST_F(DeviceFaults, GiveBackWhatWasAllocatedWhenTheNextAllocationFails) {
    cuda_.set_driver(2);
    save_sample();
    device_.devices = {0, 1}; // a block each
    cuda_.fail("cudaMalloc", 2, cudaErrorMemoryAllocation);
    const auto error = device_error();
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::limit);
    EXPECT_EQ(error->source(), "cuda:1");
    EXPECT_GT(cuda_.device_bytes_peak(), 0u);
    expect_nothing_left();
}

TEST_F(DeviceFaults, GiveBackWhatWasAllocatedThoughTheDeviceCannotBePickedAtOnce) {
    std::optional<DeviceBlock> block;
    block.emplace(0, 4096);
    cuda_.fail("cudaSetDevice", 1, cudaErrorUnknown);
    block.reset();
    expect_nothing_left();
}

TEST_F(DeviceFaults, NeverFreeAnAddressTwice) {
    std::optional<DeviceBlock> block;
    block.emplace(0, 4096);
    cuda_.fail("cudaFree", 1, cudaErrorUnknown); // of earlier work, says the manual, and it is free
    block.reset();
    EXPECT_EQ(cuda_.calls("cudaFree"), 1u);
    EXPECT_EQ(test::FakeCudart::last_error(), cudaSuccess);
}

TEST_F(DeviceFaults, GiveBackWhatWasAllocatedThoughThereIsNoMemoryAtOnce) {
    std::optional<DeviceBlock> block;
    block.emplace(0, 4096);
    lack_memory("cudaSetDevice");
    block.reset();
    expect_nothing_left();
}

TEST_F(DeviceFaults, DoNotHideTheProgramsOwnErrors) {
    save_sample();
    test::FakeCudart::leave_error(cudaErrorInvalidValue);
    const auto error = device_error();
    ASSERT_TRUE(error);
    EXPECT_NE(error->problem().find("before this load"), std::string::npos);
    EXPECT_EQ(test::FakeCudart::last_error(), cudaErrorInvalidValue);
}

TEST_F(DeviceFaults, LeaveNoErrorToTheProgram) {
    save_sample();
    cuda_.fail("cudaMalloc", 1, cudaErrorMemoryAllocation);
    EXPECT_TRUE(device_error());
    EXPECT_EQ(test::FakeCudart::last_error(), cudaSuccess);
}

using test::GivenMemory;

TEST_F(GivenMemory, HoldsZerosWhereAHashDidNotFit) {
    save_damaged();
    const auto error = test::error_of([this] { load_sample(); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::integrity);
    expect_nothing_of_it();
}

TEST_F(GivenMemory, HoldsZerosThoughThereIsNoMemoryToClearIt) {
    save_damaged();
    lack_memory("cudaMemsetAsync");
    const auto error = test::error_of([this] { load_sample(); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::integrity);
    expect_nothing_of_it();
    EXPECT_EQ(cuda_.pinned_bytes(), 0u);
}

TEST_F(GivenMemory, HoldsZerosThoughTheDeviceFailsToClearItAtOnce) {
    save_damaged();
    cuda_.fail("cudaMemsetAsync", 1, cudaErrorUnknown);
    const auto error = test::error_of([this] { load_sample(); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::integrity);
    expect_nothing_of_it();
    EXPECT_EQ(cuda_.pinned_bytes(), 0u);
}

/// As where there is no memory for a coroutine.
class NeverAbandoned final : public test::BeforeDeviceSink {
public:
    using test::BeforeDeviceSink::BeforeDeviceSink;

    awaitable<void>
    abandon(Loop& /*loop*/, std::chrono::steady_clock::time_point /*until*/) override {
        throw std::bad_alloc();
    }
};

TEST_F(GivenMemory, HoldsZerosThoughTheSinkIsNeverToldToLetGo) {
    cuda_.set_driver(2);
    cudaSetDevice(1); // of the program
    save_damaged();
    {
        Engine engine(engine_);
        DeviceSink sink(device_);
        NeverAbandoned passed(sink);
        const auto error = test::error_of([&] { load_through(engine, passed); });
        ASSERT_TRUE(error);
        EXPECT_EQ(error->kind(), errc::integrity);
    }
    int device = 0;
    cudaGetDevice(&device);
    EXPECT_EQ(device, 1);
    cudaSetDevice(0);
    expect_nothing_of_it();
    EXPECT_EQ(cuda_.pinned_bytes(), 0u);
}

TEST_F(GivenMemory, NeverHoldsAPieceWhoseMacDidNotFit) {
    save_sample(64 << 10);
    auto bytes = test::read_file(folder_ / "file");
    bytes[bytes.size() / 2] ^= std::byte{1};
    test::write_file(folder_ / "file", bytes);
    const auto error = test::error_of([this] { load_sample(); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::auth);
    expect_nothing_of_it();
}

TEST_F(DeviceFaults, EndCleanlyWhenTheLoadIsStoppedAtAnyMoment) {
    save_sample();
    const auto bytes = test::read_file(folder_ / "file");
    for (std::uint64_t moment = 1; moment < 18; ++moment) {
        auto source = std::make_shared<test::MemorySource>(bytes);
        std::stop_source stop;
        load_.stop = stop.get_token();
        source->before_read = [&](std::uint64_t read) {
            if (read == moment)
                stop.request_stop();
        };
        Engine engine(engine_);
        const std::shared_ptr<const Source> shared = source;
        const auto error =
            test::error_of([&] { load_to_device(engine, {&shared, 1}, load_, device_); });
        if (error) { // the last moments may come too late
            EXPECT_EQ(error->kind(), errc::cancelled) << moment;
        }
        expect_nothing_left();
    }
}

} // namespace
} // namespace tz::cuda
