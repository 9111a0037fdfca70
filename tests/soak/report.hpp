// What runs came to: a line for each break, a table, and JSON.
#pragma once

#include "outcome.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tz::soak {

/// What one kind of run came to.
struct Tally {
    std::string name{};
    std::uint64_t runs = 0;
    std::uint64_t right = 0; ///< ended well, with the right bytes
    std::uint64_t met = 0;   ///< in which a call failed, where each is to fail in turn
    std::map<errc, std::uint64_t> errors{};
    std::array<std::uint64_t, verdicts> verdicts_of{};
    std::chrono::milliseconds slowest{0};
    std::uint64_t hash = 0; ///< of the schedules that were drawn

    std::uint64_t broken() const;
};

/// What the process holds.
struct Holding {
    std::uint64_t rss_bytes = 0;
    std::uint64_t descriptors = 0;
    std::uint64_t threads = 0;
};

Holding holding();

class Report {
public:
    explicit Report(std::uint64_t seed);

    Tally& tally(const std::string& name);

    /// Counts it; a break is printed with `replay`, the command that does it again.
    void
    add(Tally& tally,
        const Judgement& judgement,
        const Outcome& outcome,
        const std::string& replay,
        const std::string& description);

    void sample(const Holding& holding) { samples_.push_back(holding); }

    /// Looks whether the samples stayed the same; a break if not.
    void judge_growth();

    /// A break of the whole run.
    void add_break(const std::string& text);

    bool broken() const;

    void print() const;
    void write(const std::string& path) const;

private:
    const std::uint64_t seed_;
    const Holding begin_;
    const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
    std::map<std::string, Tally> tallies_;
    std::vector<Holding> samples_;
    std::vector<std::string> breaks_;
};

/// The median of each of memory, descriptors and threads in a fifth of the samples (0 to 4); of one
/// at least. Pure.
Holding median(const std::vector<Holding>& samples, std::size_t fifth);

/// Whether what a run holds has stayed the same: in each of memory, descriptors and threads, the
/// median of the last fifth of the samples is at most 1.05 times that of the second fifth, and for
/// memory 8 MiB more. The first fifth is for warming up. "" if so, or too few samples to tell;
/// else what grew. Pure.
std::string growth(const std::vector<Holding>& samples);

} // namespace tz::soak
