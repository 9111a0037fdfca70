// What a page draws of traces: the numbers themselves.
#include "support/bench_page.hpp"
#include <tz/tools/bench_timeline.hpp>

#include <gtest/gtest.h>

#include <map>

namespace tz::test {
namespace {

using bench::timeline;

Json track(int number, const char* name) {
    return {{"ph", "M"}, {"name", "thread_name"}, {"tid", number}, {"args", {{"name", name}}}};
}

TEST(BenchTimeline, CountsTimeFromTheFirstSliceAndNamesLanesAndStages) {
    const Json drawn = timeline(
        {track(12, "lane 1"),
         track(11, "lane 0"),
         slice(12, "verify", 130, 20, 8, 1),
         slice(11, "read", 100, 50, 7, 0)});
    EXPECT_EQ(drawn.at("lanes"), Json({"lane 0", "lane 1"}));
    EXPECT_EQ(drawn.at("stages"), Json({"read", "verify"}));
    EXPECT_EQ(drawn.at("slices"), Json({{0, 0, 0.0, 50.0, 7, 0}, {1, 1, 30.0, 20.0, 8, 1}}));
    EXPECT_DOUBLE_EQ(drawn.at("seconds"), 50e-6);
    EXPECT_EQ(drawn.at("left_out"), 0);
}

TEST(BenchTimeline, AddsUpBytesAsReadsEndAndAsChunksAreDone) {
    const Json drawn = timeline(
        {slice(11, "read", 0, 1e6, 100, 0),
         slice(12, "read", 0, 2e6, 50, 1),
         slice(11, "verify", 1e6, 2e6, 100, 0),
         slice(10, "deliver", 3e6, 1e6, 150, 0)});
    EXPECT_EQ(drawn.at("read"), Json({{1.0, 100}, {2.0, 150}}));
    EXPECT_EQ(drawn.at("done"), Json({{2.0, 50}, {3.0, 150}})) << "tensors don't count twice";
    EXPECT_DOUBLE_EQ(drawn.at("seconds"), 4);
}

TEST(BenchTimeline, OfALongLoadKeepsTheSumAndSaysWhatIsLeftOut) {
    Json events = Json::array();
    const int all = static_cast<int>(bench::slices_max) + 7;
    for (int i = 0; i < all; ++i)
        events.push_back(slice(11, "read", i, 1, 2, i));
    const Json drawn = timeline(events);
    EXPECT_EQ(drawn.at("slices").size(), bench::slices_max);
    EXPECT_EQ(drawn.at("left_out"), 7);
    for (const char* curve : {"read", "done"}) {
        EXPECT_LE(drawn.at(curve).size(), bench::points_max + 1) << curve;
        EXPECT_EQ(drawn.at(curve).back().at(1), 2 * all) << curve;
    }
}

TEST(BenchTimeline, OfNothingIsNothing) {
    EXPECT_TRUE(timeline(nullptr).is_null());
    EXPECT_TRUE(timeline(Json::array()).at("slices").empty());
    EXPECT_TRUE(timeline({{"traceEvents", Json::array()}}).at("slices").empty());
}

TEST(BenchTimeline, RefusesWhatIsNoTrace) {
    Json without_length = slice(11, "read", 0, 1, 1, 0);
    without_length.erase("dur");
    Json with_text = slice(11, "read", 0, 1, 1, 0);
    with_text["ts"] = "0";
    const std::map<std::string, Json> cases{
        {"a number", 1},
        {"an object without events", Json::object()},
        {"a list of numbers", {1, 2}},
        {"a slice without a length", Json::array({without_length})},
        {"a slice that begins at a word", Json::array({with_text})},
    };
    for (const auto& [name, json] : cases)
        EXPECT_EQ(kind_of([&] { timeline(json); }), errc::format) << name;
}

} // namespace
} // namespace tz::test
