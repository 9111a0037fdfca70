// That the stages of a load overlap: each is made to take a known time for a chunk, and the load
// takes hardly longer than the slowest of them alone. A program of its own: slow_stages.hpp.
#include <tz/engine/load.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/memory_source.hpp>
#include <tz/tests/support/slow_source.hpp>
#include <tz/tests/support/slow_stages.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <thread>

namespace tz {
namespace {

using test::seconds;
using test::SlowStages;

constexpr std::chrono::milliseconds each_chunk{10};

/// The most stages that were under way at once, each with another chunk.
std::size_t stages_at_once(const std::vector<TraceEvent>& events) {
    std::size_t most = 0;
    for (const TraceEvent& now : events) {
        std::map<Stage, std::uint64_t> running;
        std::set<std::uint64_t> taken;
        for (const TraceEvent& event : events) {
            const bool under_way = event.begin <= now.begin && now.begin < event.end;
            if (under_way && event.stage != Stage::wait && !running.contains(event.stage) &&
                taken.insert(event.chunk).second)
                running[event.stage] = event.chunk;
        }
        most = std::max(most, running.size());
    }
    return most;
}

TEST(Overlap, LoadsTakeHardlyLongerThanTheirSlowestStage) {
    SlowStages stages(each_chunk);
    LoadOptions& options = stages.load;
    options.trace = std::make_shared<Trace>();
    options.deliver = [](const Delivered&) { std::this_thread::sleep_for(each_chunk); };
    load(stages.engine, stages.source, options);

    std::map<Stage, std::chrono::nanoseconds> alone;
    std::chrono::nanoseconds began = std::chrono::nanoseconds::max();
    std::chrono::nanoseconds ended{};
    std::map<Stage, unsigned> count;
    const auto events = options.trace->events();
    for (const TraceEvent& event : events) {
        alone[event.stage] += event.end - event.begin;
        ++count[event.stage];
        began = std::min(began, event.begin);
        ended = std::max(ended, event.end);
    }
    ASSERT_EQ(count[Stage::read], SlowStages::chunks);
    ASSERT_EQ(count[Stage::verify], SlowStages::chunks);
    ASSERT_EQ(count[Stage::deliver], SlowStages::chunks);
    const double slowest = std::max(
        {seconds(alone[Stage::read]) / SlowStages::lanes,
         seconds(alone[Stage::verify]) / SlowStages::workers,
         seconds(alone[Stage::deliver])});
    EXPECT_GE(slowest, seconds(each_chunk) * SlowStages::chunks)
        << "the delivery, one behind the other";
    EXPECT_LE(seconds(ended - began), 1.15 * slowest);
    EXPECT_GE(stages_at_once(events), 3u);
}

/// A host whose answers take long, and a disk. Each alone takes its time; together they take hardly
/// longer than the slower one, and the disk's tensors don't wait for the host.
TEST(Overlap, LoadsFromTwoSourcesTakeHardlyLongerThanTheSlowerOne) {
    using Clock = std::chrono::steady_clock;
    const test::Sample sample(std::vector<std::size_t>(128, SlowStages::tensor_bytes));
    const std::vector<std::byte> file = SlowStages::packed(sample);
    const auto host = std::make_shared<test::SlowHost>();
    host->flight = 10 * each_chunk;
    const auto far = std::make_shared<test::SlowSource>("far", host, file);
    const auto near = std::make_shared<test::MemorySource>(file);
    near->delay = 2 * each_chunk;

    Engine engine(SlowStages::engine_options(0));
    LoadOptions options;
    options.verify = Verify::none;
    Clock::time_point near_ended;
    std::size_t near_file = 0;
    options.deliver = [&](const Delivered& tensor) {
        if (tensor.file == near_file)
            near_ended = Clock::now();
    };
    const auto seconds_of = [&](const std::vector<std::shared_ptr<const Source>>& sources) {
        const auto began = Clock::now();
        load(engine, sources, options);
        return seconds(Clock::now() - began);
    };
    const double near_alone = seconds_of({near});
    const double far_alone = seconds_of({far});
    ASSERT_GT(far_alone, 3 * near_alone);
    const auto began = Clock::now();
    EXPECT_LE(seconds_of({near, far}), 1.15 * far_alone);
    EXPECT_LE(seconds(near_ended - began), near_alone + 4 * seconds(host->flight))
        << "it waited for the other's index, two flights, and no more";
    near_file = 1;
    EXPECT_LE(seconds_of({far, near}), 1.15 * far_alone);
}

} // namespace
} // namespace tz
