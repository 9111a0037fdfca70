// Times of copies, by a clock that the tests move.
#include <tz/cuda/copy_meter.hpp>
#include <tz/engine/device_track.hpp>
#include <tz/tests/support/one_second.hpp>

#include <gtest/gtest.h>

#include <array>
#include <chrono>

namespace tz::cuda {
namespace {

class CopyMeterTest : public testing::Test {
protected:
    using Clock = Trace::Clock;

    static constexpr std::array<int, 2> devices{3, 1};

    static Clock::time_point at(int milliseconds) {
        return Clock::time_point(std::chrono::milliseconds(milliseconds));
    }

    std::shared_ptr<Trace> trace_ = std::make_shared<Trace>();
    CopyMeter meter_{devices, trace_};
};

TEST_F(CopyMeterTest, CountsTimeInWhichAnyCopyIsUnderWayOnce) {
    CopyTrack& one = meter_.track(0);
    CopyTrack& two = meter_.track(0);
    one.begin(100, at(0));
    one.mark();
    two.begin(50, at(10));
    two.mark();
    one.end(at(20));
    two.end(at(30));
    one.begin(1, at(100));
    one.mark();
    one.end(at(105));
    const auto copies = meter_.copies();
    ASSERT_EQ(copies.size(), 2u);
    EXPECT_EQ(copies[0].device, 3);
    EXPECT_EQ(copies[0].bytes, 151u);
    EXPECT_DOUBLE_EQ(copies[0].seconds, 0.035);
    EXPECT_EQ(copies[1].device, 1);
    EXPECT_EQ(copies[1].bytes, 0u);
    EXPECT_EQ(copies[1].seconds, 0);
}

TEST_F(CopyMeterTest, TracesCopiesOfAStreamOneBehindTheOther) {
    meter_.track(1); // of another loop
    CopyTrack& track = meter_.track(1);
    track.begin(10, at(0));
    track.begin(20, at(1));
    track.mark();
    track.begin(30, at(2));
    track.mark();
    track.end(at(10));
    track.end(at(15));
    const auto events = trace_->events();
    ASSERT_EQ(events.size(), 2u);
    EXPECT_EQ(device_track_of(events[0].lane), (DeviceTrack{1, 1}));
    EXPECT_EQ(events[0].bytes, 30u);
    EXPECT_EQ(events[0].end - events[0].begin, std::chrono::milliseconds(10));
    EXPECT_EQ(events[1].bytes, 30u);
    EXPECT_EQ(events[1].begin, events[0].end) << "the stream had no time for it sooner";
    EXPECT_EQ(events[1].end - events[1].begin, std::chrono::milliseconds(5));
}

TEST_F(CopyMeterTest, LeavesOutWaitsForNothing) {
    CopyTrack& track = meter_.track(0);
    track.begin(10, at(0));
    track.mark();
    track.mark(); // whose copies the one before waits for
    track.end(at(1));
    track.end(at(9));
    EXPECT_EQ(trace_->events().size(), 1u);
    EXPECT_DOUBLE_EQ(meter_.copies()[0].seconds, 0.001);
}

TEST(DeviceTrack, IsNoLanesAndNotTheCallers) {
    EXPECT_FALSE(device_track_of(0));
    EXPECT_FALSE(device_track_of(4095));
    EXPECT_FALSE(device_track_of(Trace::caller_lane));
    for (const DeviceTrack track : {DeviceTrack{0, 0}, DeviceTrack{0, 1}, DeviceTrack{127, 4095}})
        EXPECT_EQ(device_track_of(lane_of(track)), track);
}

TEST(ExplainCopies, NamesTheDevicesThatBoundALoad) {
    LoadStats stats = test::one_second(0.4);
    stats.put = {2'000'000'000, 0, 12};
    stats.sink_seconds = 0.8;
    DeviceStats device;
    device.of_device = {{0, 1, 0.78}, {2, 1, 0.1}};
    EXPECT_EQ(
        explain(stats, device),
        "bound by the copies to cuda:0, cuda:2: 80 % of its ceiling of 2.50 GB/s; copies under "
        "way: cuda:0 78 % of the time, cuda:2 10 % of the time");
}

TEST(ExplainCopies, SaysHowLongTheyTookWhateverTheBound) {
    LoadStats stats = test::one_second(0.4);
    stats.read = {2'000'000'000, 0.1, 15};
    stats.source_seconds = 0.95;
    DeviceStats device;
    device.of_device = {{0, 1, 0.2}};
    EXPECT_EQ(
        explain(stats, device),
        "bound by the source: 95 % of its ceiling of 2.11 GB/s; copies under way: cuda:0 20 % of "
        "the time");
    EXPECT_FALSE(explain(LoadStats{}, device).empty());
}

} // namespace
} // namespace tz::cuda
