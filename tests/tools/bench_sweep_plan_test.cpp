// Plans of sweeps: pure.
#include <tz/engine/geometry.hpp>
#include <tz/format/error.hpp>
#include <tz/protocols/http_source.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tools/bench_sweep_plan.hpp>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <set>

namespace tz::bench {
namespace {

template <typename Parse>
void expect_refused(Parse parse, const std::string& text) {
    const auto error = test::error_of([&] { parse(text); });
    ASSERT_TRUE(error) << text;
    EXPECT_EQ(error->kind(), errc::usage) << text;
}

TEST(SweepPlan, ReadsListsAndRangesOfCounts) {
    const std::pair<const char*, std::vector<unsigned>> table[] = {
        {"8", {8}},
        {"1,4,16", {1, 4, 16}},
        {"16,1,4,4", {1, 4, 16}},
        {"1..64", {1, 2, 4, 8, 16, 32, 64}},
        {"3..20", {3, 6, 12, 20}},
        {"5..5", {5}},
        {"1..4,32", {1, 2, 4, 32}},
        {"1024", {1024}},
    };
    for (const auto& [text, counts] : table)
        EXPECT_EQ(parse_counts(text, 1, 1024), counts) << text;
    EXPECT_EQ(parse_counts("0,2", 0, 8), (std::vector<unsigned>{0, 2}));
}

TEST(SweepPlan, RefusesCountsThatMakeNoSense) {
    const auto parse = [](const std::string& text) { parse_counts(text, 1, 1024); };
    for (const char* text :
         {"", ",", "1,", "0", "1025", "4..1", "1..", "..4", "1..2..4", "1-4", "-1", "x", "0..8"})
        expect_refused(parse, text);
}

TEST(SweepPlan, ReadsSizesInDoublings) {
    using Sizes = std::vector<std::size_t>;
    const std::size_t low = 64 << 10;
    const std::size_t high = 256 << 20;
    EXPECT_EQ(
        parse_sizes("256KiB..4MiB", low, high),
        (Sizes{256 << 10, 512 << 10, 1 << 20, 2 << 20, 4 << 20}));
    EXPECT_EQ(parse_sizes("4M,1MiB", low, high), (Sizes{1 << 20, 4 << 20}));
    const auto parse = [=](const std::string& text) { parse_sizes(text, low, high); };
    for (const char* text : {"1KiB", "512MiB", "1MiB..1GiB", "4", "MiB"})
        expect_refused(parse, text);
}

TEST(SweepPlan, TakesWordsInTheirOrder) {
    const std::vector<std::string> choices{"auto", "on", "off"};
    EXPECT_EQ(parse_words("off,on,off", choices), (std::vector<std::string>{"off", "on"}));
    for (const char* text : {"", "yes", "on,", "ON"})
        expect_refused([&](const std::string& word) { parse_words(word, choices); }, text);
}

TEST(SweepPlan, HasACellForEachCombination) {
    Grid grid;
    grid.concurrency = {1, 2};
    grid.chunk_bytes = {1 << 20, 4 << 20, 8 << 20};
    grid.workers = {0, 1};
    grid.io = {"uring", "threads"};
    const auto cells = cells_of(grid, 256 << 20);
    ASSERT_EQ(cells.size(), 24u);
    EXPECT_EQ(cells[0].setting, (Setting{1, 1 << 20, 0, "auto", "uring"}));
    EXPECT_EQ(cells[1].setting, (Setting{1, 4 << 20, 0, "auto", "uring"}));
    EXPECT_EQ(cells[3].setting, (Setting{2, 1 << 20, 0, "auto", "uring"}));
    EXPECT_EQ(cells[6].setting, (Setting{1, 1 << 20, 1, "auto", "uring"}));
    EXPECT_EQ(cells[23].setting, (Setting{2, 8 << 20, 1, "auto", "threads"}));
}

TEST(SweepPlan, KnowsWhatTheEngineWouldRefuse) {
    Grid grid;
    grid.concurrency = {1, 64};
    grid.chunk_bytes = {1 << 20, 8 << 20};
    const auto cells = cells_of(grid, 256 << 20);
    EXPECT_EQ(cells[0].failure + cells[1].failure + cells[2].failure, "");
    EXPECT_NE(cells[3].failure.find("--memory-limit 256MiB"), std::string::npos);
    for (const Cell& cell : cells_of(grid, 1 << 30))
        EXPECT_EQ(cell.failure, "");
}

TEST(SweepPlan, IsNotOfAThousandCombinations) {
    Grid grid;
    grid.concurrency.resize(40, 1);
    grid.chunk_bytes.resize(26, 1 << 20);
    expect_refused([&](const std::string&) { cells_of(grid, 256 << 20); }, "");
}

TEST(SweepPlan, BeginsEachRoundWithAnotherCell) {
    constexpr unsigned rounds = 4;
    std::set<std::size_t> firsts;
    for (unsigned round = 0; round < rounds; ++round) {
        auto order = round_order(12, round, rounds);
        firsts.insert(order.front());
        std::ranges::sort(order);
        for (std::size_t i = 0; i < order.size(); ++i)
            EXPECT_EQ(order[i], i) << "each cell once";
    }
    EXPECT_EQ(firsts, (std::set<std::size_t>{0, 3, 6, 9}));
    EXPECT_TRUE(round_order(0, 0, 5).empty());
    EXPECT_EQ(round_order(2, 1, 5).size(), 2u);
}

TEST(SweepPlan, KnowsWhatTheDefaultsAreForFiles) {
    EXPECT_EQ(file_setting(256 << 20), (Setting{16, 4 << 20, 0, "auto", "auto"}));
    EXPECT_LT(file_setting(16 << 20).concurrency, 16u);
}

/// The size of chunks that a load from `host` alone has.
std::size_t chunk_bytes_of(const Preference& host, std::size_t memory_limit) {
    EngineOptions options;
    options.memory_limit = memory_limit;
    const Geometry geometry = choose_geometry(options);
    return choose_width(geometry, options, std::array{host}) * geometry.chunk_bytes;
}

TEST(SweepPlan, ThePageOnTuningHasTheDefaultsForServers) {
    std::ifstream file(TZ_DOCS "/tuning.md");
    const std::string page{std::istreambuf_iterator<char>(file), {}};
    const EngineOptions usual;
    const std::string parts[] = {
        fmt::format(
            "{} at first and up to {}, for others {} at first and up to {}",
            near_preference.lanes,
            near_preference.lanes_max,
            remote_preference.lanes,
            remote_preference.lanes_max),
        fmt::format("within {} ms", near_latency.count()),
        fmt::format("Auto: {} MiB for files", file_setting(usual.memory_limit).chunk_bytes >> 20),
        fmt::format(
            "for near servers (within 5 ms) {} MiB; for others {} MiB, and {} MiB with "
            "`--memory-limit 512MiB`",
            chunk_bytes_of(near_preference, usual.memory_limit) >> 20,
            chunk_bytes_of(remote_preference, usual.memory_limit) >> 20,
            chunk_bytes_of(remote_preference, 512 << 20) >> 20)};

    for (const std::string& part : parts)
        EXPECT_NE(page.find(part), std::string::npos) << part;
}

TEST(SweepPlan, WritesOptionsToBeCopied) {
    EXPECT_EQ(option_words({8, 4 << 20}), "--concurrency 8 --chunk-size 4MiB");
    EXPECT_EQ(option_words({}), "");
    EXPECT_EQ(option_words({0, 0, 3, "off", "threads"}), "--workers 3 --direct off --io threads");
    const std::pair<std::uint64_t, const char*> sizes[] = {
        {256 << 10, "256KiB"},
        {1 << 20, "1MiB"},
        {3ull << 29, "1536MiB"},
        {1 << 30, "1GiB"},
        {1000, "1000"},
        {0, "0"}};
    for (const auto& [bytes, text] : sizes)
        EXPECT_EQ(size_word(bytes), text);
}

} // namespace
} // namespace tz::bench
