// What a profiler hears of loads: the test is one, of the kind that NVTX finds in the program
// itself.
#include "sample_load.hpp"
#include <tz/cuda/range.hpp>

#include <gtest/gtest.h>

#if __has_include(<nvtx3/nvToolsExt.h>)
#include <cstdint>

// The header's own is weak, so that a program may bring a profiler along.
#define NVTX_STATIC_INJECTION_IMPL
extern "C" {
extern int (*InitializeInjectionNvtx2_fnptr)(const void* (*)(std::uint32_t));
}
#include <map>
#include <mutex>
#include <nvtx3/nvToolsExt.h>

namespace tz::cuda {
namespace {

struct Heard {
    std::string name;
    std::uint64_t bytes = 0;
    bool ended = false;
};

/// All ranges of the process, in the order of their beginnings.
struct Profiler {
    std::mutex mutex;
    std::vector<Heard> ranges;
    std::string domain;
};

Profiler& profiler() {
    static Profiler one;
    return one;
}

nvtxDomainHandle_t create_domain(const char* name) {
    const std::lock_guard lock(profiler().mutex);
    profiler().domain = name;
    return reinterpret_cast<nvtxDomainHandle_t>(&profiler());
}

nvtxRangeId_t start(nvtxDomainHandle_t /*domain*/, const nvtxEventAttributes_t* attributes) {
    const std::lock_guard lock(profiler().mutex);
    profiler().ranges.push_back({attributes->message.ascii, attributes->payload.ullValue});
    return profiler().ranges.size();
}

void end(nvtxDomainHandle_t /*domain*/, nvtxRangeId_t id) {
    const std::lock_guard lock(profiler().mutex);
    profiler().ranges.at(id - 1).ended = true;
}

/// Puts the three functions above into the table of those that a profiler may take.
int listen(NvtxGetExportTableFunc_t get_table) {
    const auto* callbacks =
        static_cast<const NvtxExportTableCallbacks*>(get_table(NVTX_ETID_CALLBACKS));
    NvtxFunctionTable table = nullptr;
    unsigned size = 0;
    if (callbacks == nullptr ||
        callbacks->GetModuleFunctionTable(NVTX_CB_MODULE_CORE2, &table, &size) == 0 ||
        size <= NVTX_CBID_CORE2_DomainCreateA)
        return 0;
    const auto set = [table](int which, auto function) {
        *table[which] = reinterpret_cast<NvtxFunctionPointer>(function);
    };
    set(NVTX_CBID_CORE2_DomainCreateA, create_domain);
    set(NVTX_CBID_CORE2_DomainRangeStartEx, start);
    set(NVTX_CBID_CORE2_DomainRangeEnd, end);
    return 1;
}

using Ranges = test::SampleLoad;

TEST_F(Ranges, ShowTheLoadAndItsCopies) {
    ASSERT_TRUE(has_ranges());
    save_sample();
    const std::size_t before = profiler().ranges.size();
    const DeviceLoaded loaded = load_sample();
    const std::vector<Heard> ranges(
        profiler().ranges.begin() + static_cast<std::ptrdiff_t>(before), profiler().ranges.end());
    EXPECT_EQ(profiler().domain, "tzio");
    ASSERT_GE(ranges.size(), 2u);
    EXPECT_EQ(ranges[0].name, "load");
    std::uint64_t copied = 0;
    for (const Heard& range : ranges) {
        EXPECT_TRUE(range.ended) << range.name;
        if (range.name == "copy to cuda:0")
            copied += range.bytes;
    }
    EXPECT_EQ(copied, loaded.stats.bytes);
}

TEST_F(Ranges, EndWhenTheLoadFails) {
    save_sample();
    cuda_.fail("cudaMemcpyAsync", 3, 1);
    EXPECT_THROW(load_sample(), DeviceError);
    for (const Heard& range : profiler().ranges)
        EXPECT_TRUE(range.ended) << range.name;
}

} // namespace
} // namespace tz::cuda

extern "C" {
NvtxInitializeInjectionNvtxFunc_t InitializeInjectionNvtx2_fnptr = tz::cuda::listen;
}

#else

TEST(Ranges, NeedTheHeader) {
    GTEST_SKIP() << "the toolkit has no nvtx3";
}

#endif
