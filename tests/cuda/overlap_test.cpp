// That reads, checks and copies to a device overlap: each is made to take a known time for a chunk,
// and the load takes hardly longer than the slowest of them alone. The checksum is slowed down by a
// shim that the linker puts in front of ISA-L's (see CMakeLists.txt), so this is a program of its
// own.
#include <tz/cuda/device_load.hpp>
#include <tz/engine/device_track.hpp>
#include <tz/tests/support/fake_cudart.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/memory_source.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <thread>

namespace {

constexpr std::chrono::milliseconds each_chunk{20};
constexpr std::size_t tensor_bytes = 60'000; // one a chunk
constexpr unsigned chunks = 64;
constexpr unsigned lanes = 8;
constexpr unsigned workers = 2;
constexpr int rounds = 5; // what else the machine does makes a round longer, never shorter

} // namespace

extern "C" {

// NOLINTBEGIN: names that the linker demands
std::uint32_t __real_crc32_gzip_refl(std::uint32_t, const unsigned char*, std::uint64_t);

std::uint32_t
__wrap_crc32_gzip_refl(std::uint32_t crc, const unsigned char* data, std::uint64_t bytes) {
    if (bytes >= tensor_bytes / 2) // not of headers
        std::this_thread::sleep_for(each_chunk);
    return __real_crc32_gzip_refl(crc, data, bytes);
}

// NOLINTEND
}

namespace tz::cuda {
namespace {

double seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

/// A load of which each stage takes `each_chunk` for a chunk.
class DeviceOverlap : public testing::Test {
protected:
    DeviceOverlap() {
        SaveOptions packed;
        packed.alignment = 1;
        save(folder_ / "file", sample_.views, packed);
        source_ = std::make_shared<test::MemorySource>(test::read_file(folder_ / "file"));
        EngineOptions slow_stages;
        slow_stages.io = Io::threads;
        slow_stages.concurrency = lanes;
        slow_stages.workers = workers;
        slow_stages.chunk_bytes = 64 << 10;
        engine_ = std::make_unique<Engine>(slow_stages);
        read_layout(*engine_, source_); // the index comes without the delay
        source_->delay = each_chunk;
        load_.verify = Verify::crc32;
    }

    ~DeviceOverlap() override { EXPECT_EQ(cuda_.violations(), std::vector<std::string>{}); }

    DeviceLoaded load() {
        load_.trace = std::make_shared<Trace>();
        const std::shared_ptr<const Source> source = source_;
        return load_to_device(*engine_, {&source, 1}, load_, {});
    }

    test::FakeCudart cuda_;
    test::TempFolder folder_;
    const test::Sample sample_{std::vector<std::size_t>(chunks, tensor_bytes)};
    std::shared_ptr<test::MemorySource> source_;
    std::unique_ptr<Engine> engine_;
    LoadOptions load_;
};

/// What one load took, and its slowest stage alone.
struct Round {
    double seconds = 0;
    double slowest = 0;
};

Round measure(const std::vector<TraceEvent>& events, double copying) {
    std::map<Stage, double> alone;
    std::chrono::nanoseconds began = std::chrono::nanoseconds::max();
    std::chrono::nanoseconds ended{};
    for (const TraceEvent& event : events) {
        began = std::min(began, event.begin);
        ended = std::max(ended, event.end);
        if (!device_track_of(event.lane))
            alone[event.stage] += seconds(event.end - event.begin);
    }
    return {
        seconds(ended - began),
        std::max({alone[Stage::read] / lanes, alone[Stage::verify] / workers, copying})};
}

TEST_F(DeviceOverlap, MakesLoadsTakeHardlyLongerThanTheirSlowestStage) {
    cuda_.set_copy_time(each_chunk);
    double best = 1e9;
    double copied = 0;
    for (int i = 0; i < rounds && best > 1.15; ++i) {
        const DeviceLoaded loaded = load();
        ASSERT_EQ(loaded.device.copies, chunks) << "each takes its time";
        const double copying = cuda_.copy_seconds(0) - copied;
        copied += copying;
        EXPECT_GE(copying, seconds(each_chunk) * chunks) << "one behind the other";
        const Round round = measure(load_.trace->events(), copying);
        best = std::min(best, round.seconds / round.slowest);
    }
    EXPECT_LE(best, 1.15);
}

TEST_F(DeviceOverlap, IsSeenInTheStatisticsAndTheTrace) {
    cuda_.set_copy_time(2 * each_chunk); // the slowest by far
    const DeviceLoaded loaded = load();
    ASSERT_EQ(loaded.device.of_device.size(), 1u);
    const DeviceCopies copies = loaded.device.of_device[0];
    EXPECT_EQ(copies.bytes, chunks * tensor_bytes);
    EXPECT_GE(copies.seconds, cuda_.copy_seconds(0));
    EXPECT_LE(copies.seconds, loaded.stats.seconds);
    std::uint64_t traced = 0;
    std::map<unsigned, std::vector<TraceEvent>> streams;
    for (const TraceEvent& event : load_.trace->events()) {
        if (!device_track_of(event.lane))
            continue;
        EXPECT_EQ(device_track_of(event.lane)->device, 0u);
        traced += event.bytes;
        streams[event.lane].push_back(event);
    }
    EXPECT_EQ(traced, copies.bytes);
    EXPECT_EQ(streams.size(), 2u);
    for (const auto& [lane, events] : streams)
        for (std::size_t i = 1; i < events.size(); ++i)
            EXPECT_LE(events[i - 1].end, events[i].begin) << "they are in the stream's order";
    EXPECT_EQ(verdict_of(loaded.stats).bound, Bound::sink);
    EXPECT_TRUE(explain(loaded.stats, loaded.device).starts_with("bound by the copies to cuda:0: "))
        << explain(loaded.stats, loaded.device);
}

} // namespace
} // namespace tz::cuda
