#include <tz/engine/pace.hpp>

#include <gtest/gtest.h>

namespace tz {
namespace {

using namespace std::chrono_literals;

/// Notes what it is told and wants what it is told to.
class Scripted final : public Pacer {
public:
    Scripted(std::vector<PaceSample>& samples, unsigned wanted, std::chrono::milliseconds period)
        : samples_(samples),
          wanted_(wanted),
          period_(period) {}

    unsigned lanes_wanted(const PaceSample& sample) override {
        samples_.push_back(sample);
        return wanted_;
    }

    std::chrono::milliseconds period() const override { return period_; }

private:
    std::vector<PaceSample>& samples_;
    unsigned wanted_;
    std::chrono::milliseconds period_;
};

class PacingTest : public testing::Test {
protected:
    PacingTest() {
        for (std::size_t i = 0; i < segments_.size(); ++i) {
            segments_[i] = Segment{static_cast<std::uint32_t>(i), true, {100 * i, 100}};
            chunks_.push_back(
                Chunk{0, segments_[i].range, std::span(segments_).subspan(i, 1), false});
        }
        options_.sources = {0};
        options_.lanes = 2;
        options_.lanes_max = 8;
    }

    std::vector<Segment> segments_ = std::vector<Segment>(3);
    std::vector<Chunk> chunks_;
    QueueOptions options_;
    ReadCounters read_;
    std::vector<PaceSample> samples_;
    Pacing::Clock::time_point begin_ = Pacing::Clock::now();
};

TEST_F(PacingTest, AsksOnceAPeriodWithTheSumsSoFar) {
    Queue queue(chunks_, options_);
    Pacing pacing;
    pacing.add(std::make_unique<Scripted>(samples_, 5, 500ms), queue, read_);
    pacing.tick(begin_);
    pacing.tick(begin_ + 499ms);
    EXPECT_TRUE(samples_.empty());
    queue.draw(0);
    read_.bytes = 1000;
    read_.throttles = 3;
    read_.waiting = 1;
    pacing.tick(begin_ + 510ms);
    ASSERT_EQ(samples_.size(), 1u);
    EXPECT_EQ(samples_[0].time, 510ms);
    EXPECT_EQ(samples_[0].bytes, 1000u);
    EXPECT_EQ(samples_[0].throttles, 3u);
    EXPECT_EQ(samples_[0].waiting, 1u);
    EXPECT_EQ(samples_[0].lanes, 1u);
    EXPECT_EQ(queue.wanted(), 5u);
    pacing.tick(begin_ + 900ms);
    EXPECT_EQ(samples_.size(), 1u);
    pacing.tick(begin_ + 5s); // after a long callback
    pacing.tick(begin_ + 5s);
    EXPECT_EQ(samples_.size(), 2u);
}

TEST_F(PacingTest, AsksEachHostByItsOwnPeriod) {
    Queue one(chunks_, options_);
    Queue two(chunks_, options_);
    std::vector<PaceSample> others;
    Pacing pacing;
    pacing.add(std::make_unique<Scripted>(samples_, 1, 100ms), one, read_);
    pacing.add(std::make_unique<Scripted>(others, 7, 300ms), two, read_);
    for (auto time = 0ms; time <= 600ms; time += 50ms)
        pacing.tick(begin_ + time);
    EXPECT_EQ(samples_.size(), 6u);
    EXPECT_EQ(others.size(), 2u);
    EXPECT_EQ(one.wanted(), 1u);
    EXPECT_EQ(two.wanted(), 7u);
}

TEST_F(PacingTest, LeavesAloneWhoHasNothingLeft) {
    Queue queue(chunks_, options_);
    while (queue.draw(0).chunk != nullptr) {
    }
    Pacing pacing;
    pacing.add(std::make_unique<Scripted>(samples_, 5, 500ms), queue, read_);
    pacing.tick(begin_);
    pacing.tick(begin_ + 2s);
    EXPECT_TRUE(samples_.empty());
}

} // namespace
} // namespace tz
