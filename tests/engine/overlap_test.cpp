// That the stages of a load overlap: each is made to take a known time for a chunk, and the load
// takes hardly longer than the slowest of them alone. The checksum is slowed down by a shim that
// the linker puts in front of ISA-L's (see CMakeLists.txt), so this is a program of its own.
#include <tz/engine/load.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/memory_source.hpp>
#include <tz/tests/support/slow_source.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <thread>

namespace {

constexpr std::chrono::milliseconds each_chunk{10};
constexpr std::size_t tensor_bytes = 60'000; // one a chunk
constexpr unsigned chunks = 64;
constexpr unsigned lanes = 8;
constexpr unsigned workers = 2;

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

namespace tz {
namespace {

double seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

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
    test::TempFolder folder;
    const test::Sample sample(std::vector<std::size_t>(chunks, tensor_bytes));
    SaveOptions packed;
    packed.alignment = 1;
    save(folder / "file", sample.views, packed);
    const auto source = std::make_shared<test::MemorySource>(test::read_file(folder / "file"));

    EngineOptions slow_stages;
    slow_stages.io = Io::threads;
    slow_stages.concurrency = lanes;
    slow_stages.workers = workers;
    slow_stages.chunk_bytes = 64 << 10;
    Engine engine(slow_stages);
    read_layout(engine, source); // the index comes without the delay
    source->delay = each_chunk;
    LoadOptions options;
    options.verify = Verify::crc32;
    options.trace = std::make_shared<Trace>();
    options.deliver = [](const Delivered&) { std::this_thread::sleep_for(each_chunk); };
    load(engine, source, options);

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
    ASSERT_EQ(count[Stage::read], chunks);
    ASSERT_EQ(count[Stage::verify], chunks);
    ASSERT_EQ(count[Stage::deliver], chunks);
    const double slowest = std::max(
        {seconds(alone[Stage::read]) / lanes,
         seconds(alone[Stage::verify]) / workers,
         seconds(alone[Stage::deliver])});
    EXPECT_GE(slowest, seconds(each_chunk) * chunks) << "the delivery, one behind the other";
    EXPECT_LE(seconds(ended - began), 1.15 * slowest);
    EXPECT_GE(stages_at_once(events), 3u);
}

/// A host whose answers take long, and a disk. Each alone takes its time; together they take hardly
/// longer than the slower one, and the disk's tensors don't wait for the host.
TEST(Overlap, LoadsFromTwoSourcesTakeHardlyLongerThanTheSlowerOne) {
    using Clock = std::chrono::steady_clock;
    test::TempFolder folder;
    const test::Sample sample(std::vector<std::size_t>(128, tensor_bytes));
    SaveOptions packed;
    packed.alignment = 1;
    save(folder / "file", sample.views, packed);
    const auto host = std::make_shared<test::SlowHost>();
    host->flight = 10 * each_chunk;
    const auto far =
        std::make_shared<test::SlowSource>("far", host, test::read_file(folder / "file"));
    const auto near = std::make_shared<test::MemorySource>(test::read_file(folder / "file"));
    near->delay = 2 * each_chunk;

    EngineOptions small_chunks;
    small_chunks.io = Io::threads;
    small_chunks.workers = workers;
    small_chunks.chunk_bytes = 64 << 10;
    Engine engine(small_chunks);
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
