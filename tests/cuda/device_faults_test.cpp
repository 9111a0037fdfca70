// What is left behind by loads to devices that fail.
#include "sample_load.hpp"
#include <tz/cuda/device_memory.hpp>
#include <tz/engine/loop.hpp>
#include <tz/tests/support/memory_source.hpp>

#include <cuda_runtime_api.h>

#include <algorithm>
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
             {"cudaSetDevice", 3},
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

/// Memory of the caller, to see what a failed load leaves in it.
class GivenMemory : public DeviceFaults {
protected:
    GivenMemory() {
        cudaMemset_(0x77);
        device_.destination = [this](std::size_t, const format::Tensor& tensor, int) {
            std::byte* to = memory_.data() + used_;
            places_[tensor.name] = {used_, tensor.bytes};
            used_ += tensor.bytes;
            return to;
        };
    }

    void cudaMemset_(int value) {
        cudaStream_t stream = nullptr;
        ASSERT_EQ(cudaStreamCreateWithFlags(&stream, 0), cudaSuccess);
        cudaMemsetAsync(memory_.data(), value, memory_.bytes(), stream);
        cudaStreamSynchronize(stream);
        cudaStreamDestroy(stream);
    }

    std::vector<std::byte> left(const std::string& name) {
        const auto [offset, bytes] = places_.at(name);
        std::vector<std::byte> now(bytes);
        copy_to_host(0, memory_.data() + offset, now);
        return now;
    }

    DeviceBlock memory_{0, 8 << 20};
    std::size_t used_ = 0;
    std::map<std::string, std::pair<std::size_t, std::size_t>> places_;
};

TEST_F(GivenMemory, HoldsZerosWhereAHashDidNotFit) {
    save_sample();
    auto bytes = test::read_file(folder_ / "file");
    const auto found = std::search(
        bytes.begin(), bytes.end(), sample_.data[1].begin(), sample_.data[1].begin() + 100);
    ASSERT_NE(found, bytes.end());
    *(found + 2'000'000) ^= std::byte{1};
    test::write_file(folder_ / "file", bytes);
    load_.verify = Verify::crc32;
    const auto error = test::error_of([this] { load_sample(); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::integrity);
    const auto left = this->left("t1");
    for (std::size_t at = 0; at < left.size(); ++at) // zeros, or never written to
        ASSERT_TRUE(left[at] == std::byte{0} || left[at] == std::byte{0x77}) << at;
}

TEST_F(GivenMemory, NeverHoldsAPieceWhoseMacDidNotFit) {
    save_sample(64 << 10);
    auto bytes = test::read_file(folder_ / "file");
    bytes[bytes.size() / 2] ^= std::byte{1};
    test::write_file(folder_ / "file", bytes);
    const auto error = test::error_of([this] { load_sample(); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::auth);
    const auto left = this->left("t1");
    for (std::size_t at = 0; at < left.size(); ++at)
        ASSERT_TRUE(left[at] == std::byte{0} || left[at] == std::byte{0x77}) << at;
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
