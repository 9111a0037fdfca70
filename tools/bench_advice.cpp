#include <tz/tools/bench_advice.hpp>
#include <tz/tools/units.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>

namespace tz::bench {

namespace {

// A search stops climbing where it gains less than this: what twice the memory should bring.
constexpr double gain_min = 1.03;
// Measured again: those that chance may have kept below the best, and more often those that are
// nearer.
constexpr double doubtful_share = 0.5;
constexpr double close_share = 0.9;
constexpr std::size_t doubtful_samples = 3;

bool measured(const Cell& cell) {
    return cell.failure.empty() && !cell.samples.empty();
}

const Cell* find(const std::vector<Cell>& cells, const Setting& setting) {
    const auto found = std::ranges::find(cells, setting, &Cell::setting);
    return found == cells.end() ? nullptr : &*found;
}

std::optional<std::size_t> best_of(const std::vector<Cell>& cells) {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < cells.size(); ++i)
        if (measured(cells[i]) && (!best || median_rate(cells[i]) > median_rate(cells[*best])))
            best = i;
    return best;
}

/// A slow minute of the machine hits both cells of a round alike. A search has no rounds: there
/// medians have to do.
double share_of(const Cell& cell, const Cell& best) {
    std::vector<double> shares;
    for (const Sample& sample : cell.samples) {
        const auto same = std::ranges::find(best.samples, sample.round, &Sample::round);
        if (same != best.samples.end())
            shares.push_back(sample.gb_per_s() / same->gb_per_s());
    }
    if (shares.empty())
        return median_rate(cell) / median_rate(best);
    return spread(std::move(shares)).median;
}

auto cost(const Cell& cell, std::size_t memory_limit) {
    return std::tuple(
        !cell.setting.automatic(),
        staging_bytes(cell.setting, memory_limit),
        median_cpu_per_gb(cell));
}

Setting lanes(unsigned concurrency, std::size_t chunk_bytes) {
    Setting setting;
    setting.concurrency = concurrency;
    setting.chunk_bytes = chunk_bytes;
    return setting;
}

/// The same load by another name counts too.
const Cell*
find_same(const std::vector<Cell>& cells, const Setting& setting, const Bounds& bounds) {
    return find(cells, bounds.automatic == setting ? Setting{} : setting);
}

bool allowed(const Setting& setting, const Bounds& bounds) {
    return setting.automatic() ||
           (setting.concurrency >= 1 && setting.concurrency <= bounds.concurrency_max &&
            setting.chunk_bytes >= bounds.chunk_bytes_min &&
            setting.chunk_bytes <= bounds.chunk_bytes_max &&
            staging_bytes(setting, bounds.memory_limit) <= bounds.memory_limit);
}

/// Of those that have neighbours: the engine's own choice has none where it isn't one setting.
const Cell* best_set(const std::vector<Cell>& cells, const Bounds& bounds) {
    const Cell* best = nullptr;
    for (const Cell& cell : cells)
        if (measured(cell) && !placed(cell.setting, bounds.automatic).automatic() &&
            (best == nullptr || median_rate(cell) > median_rate(*best)))
            best = &cell;
    return best;
}

/// Twice as much of what already brought nothing more is not tried.
bool climbs(
    const std::vector<Cell>& cells, const Setting& from, const Setting& to, const Bounds& bounds) {
    const Cell* here = find_same(cells, from, bounds);
    const Setting before = to.chunk_bytes == from.chunk_bytes
                               ? lanes(from.concurrency / 2, from.chunk_bytes)
                               : lanes(from.concurrency, from.chunk_bytes / 2);
    const Cell* less = find_same(cells, before, bounds);
    return less == nullptr || !measured(*less) ||
           median_rate(*here) >= median_rate(*less) * gain_min;
}

std::optional<Setting> next_neighbour(const std::vector<Cell>& cells, const Bounds& bounds) {
    const Cell* best = best_set(cells, bounds);
    if (best == nullptr)
        return {};
    if (best->samples.size() < 2) // nobody climbs from what was luck
        return best->setting;
    const Setting from = placed(best->setting, bounds.automatic);
    const auto [concurrency, chunk_bytes] = std::tuple(from.concurrency, from.chunk_bytes);
    const std::array<Setting, 4> neighbours{
        lanes(concurrency * 2, chunk_bytes),
        lanes(concurrency, chunk_bytes * 2),
        lanes(concurrency / 2, chunk_bytes),
        lanes(concurrency, chunk_bytes / 2)};
    for (std::size_t i = 0; i < neighbours.size(); ++i)
        if (allowed(neighbours[i], bounds) && find_same(cells, neighbours[i], bounds) == nullptr &&
            (i >= 2 || climbs(cells, from, neighbours[i], bounds)))
            return neighbours[i];
    return {};
}

/// The one with fewest samples, so that they come in turn.
std::optional<Setting> next_doubtful(const std::vector<Cell>& cells, const Bounds& bounds) {
    const auto best = best_of(cells);
    if (!best)
        return {};
    const auto wanted = [&](const Cell& cell) -> std::size_t {
        const double share = median_rate(cell) / median_rate(cells[*best]);
        return share >= close_share      ? bounds.samples
               : share >= doubtful_share ? std::min<std::size_t>(doubtful_samples, bounds.samples)
                                         : 0;
    };
    const Cell* next = nullptr;
    for (const Cell& cell : cells)
        if (measured(cell) && cell.samples.size() < wanted(cell) &&
            (next == nullptr || cell.samples.size() < next->samples.size()))
            next = &cell;
    if (next == nullptr)
        return {};
    return next->setting;
}

} // namespace

double median_rate(const Cell& cell) {
    std::vector<double> rates;
    rates.reserve(cell.samples.size());
    for (const Sample& sample : cell.samples)
        rates.push_back(sample.gb_per_s());
    return spread(std::move(rates)).median;
}

double median_cpu_per_gb(const Cell& cell) {
    std::vector<double> costs;
    for (const Sample& sample : cell.samples)
        if (sample.cpu_seconds)
            costs.push_back(sample.cpu_seconds_per_gb());
    return spread(std::move(costs)).median;
}

Choice choose(const std::vector<Cell>& cells, std::size_t memory_limit) {
    Choice choice;
    choice.best = best_of(cells);
    choice.of_best.assign(cells.size(), 0);
    choice.near.assign(cells.size(), false);
    if (!choice.best)
        return choice;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        if (!measured(cells[i]))
            continue;
        choice.of_best[i] = share_of(cells[i], cells[*choice.best]);
        choice.near[i] = choice.of_best[i] >= near_share;
        if (choice.near[i] && (!choice.advised || cost(cells[i], memory_limit) <
                                                      cost(cells[*choice.advised], memory_limit)))
            choice.advised = i;
    }
    return choice;
}

std::optional<Setting> next_setting(const std::vector<Cell>& cells, const Bounds& bounds) {
    constexpr std::size_t usual_chunk = 4 << 20;
    const std::array<Setting, 4> first{
        Setting{}, lanes(1, usual_chunk), lanes(16, usual_chunk), lanes(4, usual_chunk)};
    for (const Setting& setting : first)
        if (allowed(setting, bounds) && find_same(cells, setting, bounds) == nullptr)
            return setting;
    const Cell* automatic = find(cells, {}); // what all others are to be better than
    if (measured(*automatic) && automatic->samples.size() < 2)
        return automatic->setting;
    if (const auto neighbour = next_neighbour(cells, bounds))
        return neighbour;
    return next_doubtful(cells, bounds);
}

std::uint64_t sample_bytes(double rate, double lane_rate, double seconds) {
    // some 30 samples, of which one lane takes no more than a tenth of the time
    constexpr double least = 16 << 20;
    const double gb = std::min(rate * seconds / 30, lane_rate * seconds / 10);
    return static_cast<std::uint64_t>(std::max(least, gb * 1e9));
}

} // namespace tz::bench
