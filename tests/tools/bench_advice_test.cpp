// Advice from measured cells: pure. A model of a source stands for the measuring.
#include <tz/tools/bench_advice.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

namespace tz::bench {
namespace {

constexpr std::size_t mib = 1 << 20;
constexpr std::size_t limit = 256 * mib;

/// One sample a rate, in rounds from 0 on.
Cell cell(Setting setting, const std::vector<double>& rates, double cpu_per_gb = 0.1) {
    Cell made;
    made.setting = std::move(setting);
    for (const double rate : rates) {
        Sample sample;
        sample.round = static_cast<unsigned>(made.samples.size());
        sample.bytes = 1'000'000'000;
        sample.seconds = 1 / rate;
        sample.cpu_seconds = cpu_per_gb;
        made.samples.push_back(sample);
    }
    return made;
}

Cell failed(Setting setting) {
    Cell made = cell(std::move(setting), {9});
    made.failure = "out of memory";
    return made;
}

TEST(Advice, TakesTheCheapestOfThoseThatAreNearTheBest) {
    const std::vector<Cell> cells{
        cell({1, mib}, {0.5, 0.5, 0.5}),
        cell({4, mib}, {1.95, 1.96, 1.97}),
        cell({16, mib}, {2.0, 2.0, 2.0}),
        cell({8, mib}, {1.9, 1.9, 1.9})};
    const Choice choice = choose(cells, limit);
    EXPECT_EQ(choice.best, 2u);
    EXPECT_EQ(choice.advised, 1u);
    EXPECT_EQ(choice.near, (std::vector<bool>{false, true, true, false}));
    EXPECT_DOUBLE_EQ(choice.of_best[0], 0.25);
}

TEST(Advice, HoldsCellsAgainstTheBestRoundByRound) {
    // a slow minute hits both: 3 % of the median rates would not do
    const std::vector<Cell> cells{
        cell({4, mib}, {0.99, 0.495, 1.98}), cell({16, mib}, {1.0, 0.5, 2.0})};
    const Choice choice = choose(cells, limit);
    EXPECT_EQ(choice.best, 1u);
    EXPECT_DOUBLE_EQ(choice.of_best[0], 0.99);
    EXPECT_EQ(choice.advised, 0u);
}

TEST(Advice, ComparesMediansWhereCellsShareNoRound) {
    std::vector<Cell> cells{cell({4, mib}, {1.0, 1.98, 2.4}), cell({16, mib}, {2.0, 2.0, 2.0})};
    EXPECT_DOUBLE_EQ(choose(cells, limit).of_best[0], 0.99);
    for (Sample& sample : cells[0].samples)
        sample.round += 3;
    const Choice choice = choose(cells, limit);
    EXPECT_DOUBLE_EQ(choice.of_best[0], 0.99);
    EXPECT_EQ(choice.advised, 0u);
}

TEST(Advice, TakesLessCpuTimeWhereMemoryIsTheSame) {
    const std::vector<Cell> cells{
        cell({4, mib, 0, "off"}, {2, 2}, 0.4),
        cell({4, mib, 0, "on"}, {1.99, 1.99}, 0.2),
        cell({16, mib}, {2.01, 2.01}, 0.1)};
    EXPECT_EQ(choose(cells, limit).advised, 1u);
}

TEST(Advice, NeedsNoOptionsWhereTheDefaultsAreAsGood) {
    std::vector<Cell> cells{cell({}, {1.96}), cell({1, mib}, {1.99}), cell({16, mib}, {2.0})};
    EXPECT_EQ(choose(cells, limit).advised, 0u);
    cells[0] = cell({}, {1.8});
    EXPECT_EQ(choose(cells, limit).advised, 1u);
}

TEST(Advice, NeverChoosesWhatFailedOrWasNotMeasured) {
    const std::vector<Cell> cells{failed({1, mib}), cell({4, mib}, {}), cell({8, mib}, {1})};
    const Choice choice = choose(cells, limit);
    EXPECT_EQ(choice.best, 2u);
    EXPECT_EQ(choice.advised, 2u);
    EXPECT_EQ(choice.of_best[0], 0);
    const Choice none = choose({failed({1, mib})}, limit);
    EXPECT_FALSE(none.best);
    EXPECT_FALSE(none.advised);
}

/// Searches a source whose rate is a function of the setting; returns what was measured.
std::vector<Cell> search(const std::function<double(const Setting&)>& rate, const Bounds& bounds) {
    constexpr unsigned steps_max = 200;
    std::vector<Cell> cells;
    for (unsigned step = 0; step < steps_max; ++step) {
        const auto setting = next_setting(cells, bounds);
        if (!setting)
            return cells;
        auto found = std::ranges::find(cells, *setting, &Cell::setting);
        if (found == cells.end())
            found = cells.insert(found, Cell{*setting, {}, {}});
        const double now = rate(*setting);
        if (now == 0) {
            found->failure = "refused";
            continue;
        }
        Cell one = cell(*setting, {now});
        one.samples.front().round = step;
        found->samples.push_back(one.samples.front());
    }
    ADD_FAILURE() << "the search doesn't end";
    return cells;
}

Setting found(const std::function<double(const Setting&)>& rate) {
    Bounds bounds;
    bounds.memory_limit = limit;
    const auto cells = search(rate, bounds);
    return cells[*choose(cells, limit).advised].setting;
}

TEST(Search, FindsHowManyRequestsADistantServerWants) {
    // each lane 0.05 GB/s, up to 2 GB/s in all; chunks make no difference
    const auto rate = [](const Setting& setting) {
        return std::min(2.0, 0.05 * (setting.concurrency == 0 ? 4 : setting.concurrency));
    };
    const Setting setting = found(rate);
    EXPECT_GE(setting.concurrency, 32u);
    EXPECT_LE(setting.chunk_bytes, 4 * mib) << "no more memory than helps";
}

TEST(Search, StaysAtOneLaneWhereMoreBringNothing) {
    const Setting setting = found([](const Setting& at) { return at.automatic() ? 0.5 : 1.0; });
    EXPECT_EQ(setting.concurrency, 1u);
}

TEST(Search, FindsALargerChunkThatPays) {
    const auto rate = [](const Setting& setting) {
        return setting.chunk_bytes >= 16 * mib ? 2.0 : setting.chunk_bytes >= 8 * mib ? 1.5 : 1.0;
    };
    EXPECT_EQ(found(rate).chunk_bytes, 16 * mib);
}

TEST(Search, TakesTheDefaultsWhereNothingIsBetter) {
    EXPECT_TRUE(found([](const Setting&) { return 1.0; }).automatic());
}

TEST(Search, NeverMeasuresTheDefaultsUnderAnotherName) {
    Bounds bounds;
    bounds.memory_limit = limit;
    bounds.automatic = file_setting(limit);
    unsigned seen = 0; // without options, whose first sample a neighbour halves
    const auto rate = [&](const Setting& setting) {
        EXPECT_FALSE(setting == *bounds.automatic);
        if (setting.automatic())
            return ++seen == 1 ? 1.0 : 2.0;
        return setting.concurrency == 1 ? 0.5 : 1.8;
    };
    const auto cells = search(rate, bounds);
    EXPECT_TRUE(cells[*choose(cells, limit).advised].setting.automatic());
    const auto tried = [&](const Setting& setting) {
        return std::ranges::find(cells, setting, &Cell::setting) != cells.end();
    };
    EXPECT_TRUE(tried({32, 4 * mib})) << "the defaults have neighbours, too";
    EXPECT_TRUE(tried({16, 2 * mib}));
}

TEST(Search, ClimbsFromTheDefaultsToWhatIsBetter) {
    Bounds bounds;
    bounds.memory_limit = limit;
    bounds.automatic = file_setting(limit);
    const auto rate = [](const Setting& setting) {
        return 0.05 * (setting.automatic() ? 16 : setting.concurrency);
    };
    const auto cells = search(rate, bounds);
    EXPECT_GE(cells[*choose(cells, limit).advised].setting.concurrency, 32u);
}

TEST(Search, GoesOnWhereSettingsFail) {
    const auto rate = [](const Setting& setting) { return setting.concurrency > 8 ? 0.0 : 1.0; };
    EXPECT_LE(found(rate).concurrency, 8u);
    Bounds bounds;
    bounds.memory_limit = limit;
    for (const Cell& cell : search([](const Setting&) { return 0.0; }, bounds))
        EXPECT_EQ(cell.failure, "refused");
}

TEST(Search, GivesAnUnluckySampleAnotherChance) {
    unsigned seen = 0; // of sixteen lanes, whose first sample a neighbour halves
    const auto rate = [&seen](const Setting& setting) {
        if (setting.concurrency == 16)
            return ++seen == 1 ? 1.1 : 2.5;
        return setting.concurrency > 16 ? 1.0 : 2.0;
    };
    EXPECT_EQ(found(rate).concurrency, 16u);
}

TEST(Search, StaysWithinItsBounds) {
    Bounds bounds;
    bounds.memory_limit = 40 * mib;
    bounds.concurrency_max = 8;
    const auto more_is_better = [](const Setting& setting) {
        return 0.1 + setting.concurrency + static_cast<double>(setting.chunk_bytes) / mib;
    };
    for (const Cell& cell : search(more_is_better, bounds)) {
        EXPECT_LE(cell.setting.concurrency, 8u);
        if (!cell.setting.automatic())
            EXPECT_LE(staging_bytes(cell.setting, bounds.memory_limit), bounds.memory_limit);
        EXPECT_LE(cell.samples.size(), bounds.samples);
    }
}

TEST(Search, LeavesOneLaneTimeToFinish) {
    const struct {
        double rate, lane_rate, seconds;
        std::uint64_t least, most;
    } table[] = {
        {2.0, 1.0, 20, 100 << 20, 1'500'000'000},
        {2.0, 0.05, 20, 16 << 20, 110'000'000},
        {0.001, 0.001, 20, 16 << 20, 16 << 20},
    };

    for (const auto& row : table) {
        const std::uint64_t bytes = sample_bytes(row.rate, row.lane_rate, row.seconds);
        EXPECT_GE(bytes, row.least) << row.lane_rate;
        EXPECT_LE(bytes, row.most) << row.lane_rate;
    }
}

TEST(Advice, ComparesTheDefaultsAsTheSettingThatTheyAre) {
    Surroundings around;
    around.memory_limit = limit;
    around.automatic = file_setting(limit);
    const auto text = [&](const std::vector<Cell>& cells) {
        std::string text;
        for (const std::string& reason : advise(cells, choose(cells, limit), around).reasons)
            text += reason + "\n";
        return text;
    };
    const std::string options = text({cell({}, {1.0}), cell({32, 4 * mib}, {2.0})});
    EXPECT_NE(options.find("in flight; 16 gave 1.00 GB/s."), std::string::npos) << options;
    const std::string none = text({cell({}, {2.0}), cell({32, 4 * mib}, {1.0})});
    EXPECT_NE(
        none.find("at 2.00 GB/s (as with --concurrency 16 --chunk-size 4MiB), 100 % of the best "
                  "that was found (no options): none are needed."),
        std::string::npos)
        << none;
    EXPECT_NE(none.find("64.1 MiB of staging memory"), std::string::npos) << none;
}

TEST(Advice, GivesASentenceForEachOptionAndBound) {
    const std::vector<Cell> cells{
        cell({}, {1.5}),
        cell({1, 4 * mib}, {0.5}),
        cell({16, 4 * mib}, {2.0}),
        cell({16, mib}, {1.2})};
    const Choice choice = choose(cells, limit);
    Surroundings around;
    around.remote = true;
    around.first_byte_seconds = 0.012;
    around.cores = 2;
    around.memory_bytes = 4ull << 30;
    around.memory_limit = limit;
    around.checks = {{"CRC-32", 0.05}, {"SHA-256", 1.25}};
    const Advice advice = advise(cells, choice, around);
    EXPECT_EQ(advice.options, "--concurrency 16 --chunk-size 4MiB");
    std::string text;
    for (const std::string& reason : advice.reasons) {
        EXPECT_TRUE(reason.ends_with('.')) << reason;
        text += reason + "\n";
    }
    for (const char* part :
         {"Without options a load runs at 1.50 GB/s, 75 % of the best",
          "--concurrency 16: 2.00 GB/s with as many chunks in flight; 1 gave 0.50 GB/s.",
          "--chunk-size 4MiB: 2.00 GB/s; 1MiB gave 1.20 GB/s.",
          "A small request of the server takes 12.0 ms",
          "several in flight bring 4.0 times that",
          "CRC-32 costs 0.050 CPU s/GB, so 2 cores do at most 40.0 GB/s of it: more than comes in",
          "2 cores do at most 1.6 GB/s of it: less than comes in",
          "64.1 MiB of staging memory; 4.0 GiB are free",
          "There was time for few samples"})
        EXPECT_NE(text.find(part), std::string::npos) << part << "\nnot in\n" << text;
}

} // namespace
} // namespace tz::bench
