// Each allocation in turn fails where memory of a device, or memory that is pinned for one, goes
// back.
#include "failing_calls.hpp"
#include <tz/cuda/pinned_memory.hpp>
#include <tz/cuda/sealed_batch.hpp>
#include <tz/cuda/stream.hpp>
#include <tz/engine/memory.hpp>
#include <tz/format/seal.hpp>
#include <tz/tests/cuda/given_memory.hpp>

#include <boost/asio/io_context.hpp>
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tz::cuda {
namespace {

TEST(WantOfDeviceMemory, FreesABlockAllTheSame) {
    bool met = true;
    for (std::uint64_t nth = 0; met; ++nth) {
        test::FakeCudart cuda;
        std::optional<DeviceBlock> block;
        block.emplace(0, 4096);
        cudaFree(nullptr); // what the fake runtime notes of it takes memory once
        {
            const soak::FailingAllocation failing(nth);
            block.reset();
            met = failing.met();
        }
        EXPECT_EQ(cuda.device_bytes(), 0u) << nth;
    }
}

TEST(WantOfDeviceMemory, LeavesNothingPinned) {
    const HostMemory memory(2 << 20);
    bool met = true;
    for (std::uint64_t nth = 0; met; ++nth) {
        test::FakeCudart cuda;
        {
            PinnedMemory pinned;
            const soak::FailingAllocation failing(nth);
            try {
                pinned.pin(memory.bytes());
            } catch (const std::bad_alloc&) {
                EXPECT_TRUE(failing.met());
            }
            met = failing.met();
        }
        EXPECT_EQ(cuda.pinned_bytes(), 0u) << nth;
    }
}

/// Orders that came to the device, and whose clearing there was refused, are let go. Whether an
/// allocation failed meanwhile.
bool let_go_of_keys(test::FakeCudart& cuda, std::uint64_t nth) {
    asio::io_context context;
    DeviceBlock data(0, 4096);
    std::vector<std::byte> sealed(4096);
    format::Seal seal;
    seal.piece_bytes = sealed.size();
    seal.macs.resize(1);
    const auto key = test::sample_key();
    Stream stream(context, 0);
    std::optional<SealedBatch> batch;
    batch.emplace(0, 1);
    SealedPart part{{0, 0, sealed}, &seal, 0, key.get()};
    batch->add(part, data.data());
    cuda.fail("cudaMemsetAsync", 1, cudaErrorUnknown);
    EXPECT_THROW(batch->enqueue(stream), DeviceError);
    stream.synchronize();
    const soak::FailingAllocation failing(nth);
    batch.reset();
    return failing.met();
}

TEST(WantOfDeviceMemory, LeavesNoKeys) {
    test::FakeCudart cuda;
    let_go_of_keys(cuda, std::uint64_t{1} << 32); // what the fake runtime notes takes memory once
    for (std::uint64_t nth = 0; let_go_of_keys(cuda, nth); ++nth)
        EXPECT_EQ(cuda.violations(), std::vector<std::string>{}) << nth;
    EXPECT_EQ(cuda.device_bytes(), 0u);
    EXPECT_EQ(cuda.pinned_bytes(), 0u);
}

using Failing = std::optional<soak::FailingAllocation>;

/// Has an allocation of the letting go fail.
class LacksMemory final : public test::BeforeDeviceSink {
public:
    LacksMemory(DeviceSink& sink, Failing& failing, std::uint64_t nth)
        : BeforeDeviceSink(sink),
          failing_(failing),
          nth_(nth) {}

    awaitable<void> abandon(Loop& loop, std::chrono::steady_clock::time_point until) override {
        failing_.emplace(nth_);
        return sink_.abandon(loop, until);
    }

private:
    Failing& failing_;
    std::uint64_t nth_;
};

class GivenMemoryLacking : public test::GivenMemory {};

TEST_F(GivenMemoryLacking, HoldsZerosWhicheverAllocationFails) {
    save_damaged();
    bool met = true;
    for (std::uint64_t nth = 0; met; ++nth) {
        SCOPED_TRACE(nth);
        fill(0x77);
        used_ = 0;
        Failing failing;
        cuda_.before_call([&](std::string_view name) {
            if (name == "cudaHostUnregister" && failing) { // all is cleared
                met = failing->met();
                failing.reset();
            }
        });
        {
            Engine engine(engine_);
            DeviceSink sink(device_);
            LacksMemory lacking(sink, failing, nth);
            const auto error = test::error_of([&] { load_through(engine, lacking); });
            ASSERT_TRUE(error);
            EXPECT_EQ(error->kind(), errc::integrity);
        }
        cuda_.before_call({});
        ASSERT_FALSE(failing);
        expect_nothing_of_it();
        EXPECT_EQ(cuda_.pinned_bytes(), 0u);
        EXPECT_EQ(cuda_.device_bytes(), memory_.bytes());
    }
}

} // namespace
} // namespace tz::cuda
