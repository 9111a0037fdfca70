// What a load says of itself: statistics by stage, and a trace of every lane.
#include <tz/engine/load.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/support/files.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace tz {
namespace {

class Measured : public testing::Test {
protected:
    LoadStats measure(const SaveOptions& saving, LoadOptions options) {
        save(folder_ / "file", sample_.views, saving);
        options.trace = trace_ = std::make_shared<Trace>();
        return load(engine_, open_file(folder_ / "file"), options).stats;
    }

    test::TempFolder folder_;
    test::Sample sample_{{100, 3 << 20, 0, 5'000'001, 17, 70'000, 9 << 20}};
    const std::uint64_t bytes_ = 100 + (3 << 20) + 5'000'001 + 17 + 70'000 + (9 << 20);
    std::shared_ptr<Trace> trace_;
    Engine engine_;
};

TEST_F(Measured, CountsEachStagesBytes) {
    LoadOptions options;
    options.verify = Verify::all;
    const LoadStats plain = measure({}, options);
    EXPECT_EQ(plain.verify.bytes, 2 * bytes_) << "CRC-32 and SHA-256";
    EXPECT_EQ(plain.decrypt.bytes, 0u);
    EXPECT_GE(plain.read.bytes, bytes_);
    EXPECT_GT(plain.verify.cpu_seconds, 0);
    EXPECT_GT(plain.read.cpu_seconds, 0);

    SaveOptions sealed;
    sealed.key = options.key = test::sample_key();
    const LoadStats decrypted = measure(sealed, options);
    EXPECT_EQ(decrypted.decrypt.bytes, bytes_);
    EXPECT_EQ(decrypted.verify.bytes, bytes_) << "SHA-256";
    EXPECT_EQ(decrypted.copy.bytes, 0u) << "opening is the copy";
    EXPECT_LE(decrypted.decrypt.cpu_seconds, decrypted.cpu_seconds);
}

TEST_F(Measured, CountsCopiesWhereStagingWasNeeded) {
    SaveOptions packed;
    packed.alignment = 1;
    save(folder_ / "file", sample_.views, packed);
    const Loaded loaded = load(engine_, open_file(folder_ / "file", Direct::on));
    EXPECT_GE(loaded.stats.copy.bytes, std::uint64_t{9} << 20);
}

TEST_F(Measured, TracesEveryChunkOnOneLaneWithStagesThatDontOverlap) {
    LoadOptions options;
    options.verify = Verify::all;
    std::uint64_t delivered = 0;
    options.deliver = [&](const Delivered&) { ++delivered; };
    measure({}, options);
    std::map<std::uint64_t, unsigned> lane_of_chunk;
    std::map<unsigned, std::vector<TraceEvent>> lanes;
    std::map<Stage, std::uint64_t> bytes;
    std::uint64_t deliveries = 0;
    for (const TraceEvent& event : trace_->events()) {
        EXPECT_LE(event.begin, event.end);
        bytes[event.stage] += event.bytes;
        lanes[event.lane].push_back(event);
        if (event.stage == Stage::deliver) {
            EXPECT_EQ(event.lane, Trace::caller_lane);
            ++deliveries;
            continue;
        }
        const auto [known, fresh] = lane_of_chunk.emplace(event.chunk, event.lane);
        EXPECT_EQ(known->second, event.lane);
    }
    EXPECT_EQ(trace_->dropped(), 0u);
    EXPECT_EQ(deliveries, delivered);
    EXPECT_EQ(bytes[Stage::verify], 2 * bytes_);
    for (auto& [lane, events] : lanes) {
        std::ranges::sort(events, {}, &TraceEvent::begin);
        for (std::size_t i = 1; i < events.size(); ++i)
            EXPECT_LE(events[i - 1].end, events[i].begin) << "lane " << lane;
    }
}

TEST(TraceLimits, CountsWhatItHasNoRoomFor) {
    Trace trace;
    const auto now = Trace::Clock::now();
    for (std::size_t i = 0; i < Trace::events_max + 5; ++i)
        trace.record(Stage::read, 0, i, 1, now, now);
    EXPECT_EQ(trace.events().size(), Trace::events_max);
    EXPECT_EQ(trace.dropped(), 5u);
}

} // namespace
} // namespace tz
