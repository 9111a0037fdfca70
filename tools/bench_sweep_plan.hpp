// What a sweep measures and in which order. Pure.
#pragma once

#include <tz/tools/bench_sample.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tz::bench {

/// Options of the engine that a load can be tuned by. 0 and "auto" leave it to the engine.
struct Setting {
    unsigned concurrency = 0;
    std::size_t chunk_bytes = 0;
    unsigned workers = 0;
    std::string direct = "auto";
    std::string io = "auto";

    bool automatic() const { return *this == Setting{}; }

    bool operator==(const Setting&) const = default;
};

/// One setting, and what came out.
struct Cell {
    Setting setting{};
    std::vector<Sample> samples{};
    std::string failure{}; ///< why it is measured no more
};

/// The values that are tried, each with all others.
struct Grid {
    std::vector<unsigned> concurrency{1, 4, 16, 64};
    std::vector<std::size_t> chunk_bytes{1 << 20, 4 << 20, 16 << 20};
    std::vector<unsigned> workers{0};
    std::vector<std::string> direct{"auto"};
    std::vector<std::string> io{"auto"};
};

// Values as they are typed: one, a list ("1,4,16"), or a range in doublings ("1..64", whose end is
// always among them); also a list of both. Sorted, each once. All throw `tz::Error` (errc::usage).

std::vector<unsigned> parse_counts(const std::string& text, unsigned low, unsigned high);
std::vector<std::size_t> parse_sizes(const std::string& text, std::size_t low, std::size_t high);
/// In the order of the list; each has to be one of `choices`.
std::vector<std::string>
parse_words(const std::string& text, const std::vector<std::string>& choices);

/// One cell for each combination; chunk sizes change fastest, then concurrency. A cell that the
/// engine would refuse has its failure already. Throws `tz::Error` (errc::usage) for more than
/// 1,000.
std::vector<Cell> cells_of(const Grid& grid, std::size_t memory_limit);

/// In which order a round goes through the cells: as they stand, beginning with another one each
/// time, and over all rounds evenly spread.
std::vector<std::size_t> round_order(std::size_t cells, unsigned round, unsigned rounds);

/// What the engine's own choice comes to for files of this machine. For servers it has no such
/// setting: there the lanes change as the load goes on.
Setting file_setting(std::size_t memory_limit);

/// Where a setting stands among the others: for the engine's own choice what that comes to, if it
/// is one setting.
inline Setting placed(const Setting& setting, const std::optional<Setting>& automatic) {
    return setting.automatic() && automatic ? *automatic : setting;
}

/// Staging memory that a load with it takes at most.
std::uint64_t staging_bytes(const Setting& setting, std::size_t memory_limit);

/// "4MiB": a size as options take it, exactly.
std::string size_word(std::uint64_t bytes);

/// "--concurrency 8 --chunk-size 4MiB": what differs from the engine's own choice, to be copied.
std::string option_words(const Setting& setting);

} // namespace tz::bench
