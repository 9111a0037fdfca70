// That reads, checks and copies to a device overlap: each is made to take a known time for a chunk,
// and the load takes hardly longer than the slowest of them alone. A program of its own:
// slow_stages.hpp.
#include <tz/cuda/device_load.hpp>
#include <tz/engine/device_track.hpp>
#include <tz/tests/support/fake_cudart.hpp>
#include <tz/tests/support/slow_stages.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace tz::cuda {
namespace {

using test::seconds;
using test::SlowStages;

constexpr std::chrono::milliseconds each_chunk{20};
constexpr int rounds = 5; // what else the machine does makes a round longer, never shorter

/// A load of which each stage takes `each_chunk` for a chunk.
class DeviceOverlap : public testing::Test {
protected:
    ~DeviceOverlap() override { EXPECT_EQ(cuda_.violations(), std::vector<std::string>{}); }

    DeviceLoaded load() {
        stages_.load.trace = std::make_shared<Trace>();
        const std::shared_ptr<const Source> source = stages_.source;
        return load_to_device(stages_.engine, {&source, 1}, stages_.load, {});
    }

    test::FakeCudart cuda_;
    SlowStages stages_{each_chunk};
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
        std::max(
            {alone[Stage::read] / SlowStages::lanes,
             alone[Stage::verify] / SlowStages::workers,
             copying})};
}

TEST_F(DeviceOverlap, MakesLoadsTakeHardlyLongerThanTheirSlowestStage) {
    cuda_.set_copy_time(each_chunk);
    double best = 1e9;
    double copied = 0;
    for (int i = 0; i < rounds && best > 1.15; ++i) {
        const DeviceLoaded loaded = load();
        ASSERT_EQ(loaded.device.copies, SlowStages::chunks) << "each takes its time";
        const double copying = cuda_.copy_seconds(0) - copied;
        copied += copying;
        EXPECT_GE(copying, seconds(each_chunk) * SlowStages::chunks) << "one behind the other";
        const Round round = measure(stages_.load.trace->events(), copying);
        best = std::min(best, round.seconds / round.slowest);
    }
    EXPECT_LE(best, 1.15);
}

TEST_F(DeviceOverlap, IsSeenInTheStatisticsAndTheTrace) {
    cuda_.set_copy_time(2 * each_chunk); // the slowest by far
    const DeviceLoaded loaded = load();
    ASSERT_EQ(loaded.device.of_device.size(), 1u);
    const DeviceCopies copies = loaded.device.of_device[0];
    EXPECT_EQ(copies.bytes, SlowStages::chunks * SlowStages::tensor_bytes);
    EXPECT_GE(copies.seconds, cuda_.copy_seconds(0));
    EXPECT_LE(copies.seconds, loaded.stats.seconds);
    std::uint64_t traced = 0;
    std::map<unsigned, std::vector<TraceEvent>> streams;
    for (const TraceEvent& event : stages_.load.trace->events()) {
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
