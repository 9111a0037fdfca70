#include <tz/engine/alignment.hpp>
#include <tz/engine/geometry.hpp>
#include <tz/format/error.hpp>

#include <algorithm>
#include <numeric>
#include <string>

namespace tz {

namespace {

constexpr std::size_t margins = 2 * direct_alignment; // what alignment may add on each side

std::string count_text(std::size_t count) {
    return std::to_string(count);
}

/// Exact, in the largest unit that leaves no fraction.
std::string bytes_text(std::size_t bytes) {
    constexpr std::size_t kib = 1024;
    if (bytes == 0 || bytes % kib != 0)
        return std::to_string(bytes) + " bytes";
    if (bytes % (kib * kib) != 0)
        return std::to_string(bytes / kib) + " KiB";
    return std::to_string(bytes / kib / kib) + " MiB";
}

void check_range(
    const char* name,
    const char* option,
    std::size_t value,
    std::size_t low,
    std::size_t high,
    std::string (*text)(std::size_t) = count_text) {
    if (value >= low && value <= high)
        return;
    throw Error(
        errc::usage,
        std::string(name) + " is " + text(value) + ", and may be " + text(low) + " to " +
            text(high),
        {},
        std::string("change ") + option);
}

[[noreturn]] void too_small(const EngineOptions& options, std::size_t needed) {
    throw Error(
        errc::usage,
        "the memory limit is " + bytes_text(options.memory_limit) +
            ", and this concurrency and chunk size take " + bytes_text(needed),
        {},
        "raise --memory-limit, or lower --concurrency or --chunk-size");
}

/// As many as the most demanding load may use; reserving costs nothing but addresses.
unsigned buffers_for(const Geometry& geometry, const EngineOptions& options) {
    const std::size_t fit = options.memory_limit / geometry.buffer_bytes;
    const std::size_t lanes = options.concurrency
                                  ? geometry.lanes
                                  : std::max(geometry.lanes, remote_preference.lanes_max);
    const std::size_t width =
        options.chunk_bytes
            ? 1
            : std::max<std::size_t>(1, remote_preference.chunk_bytes / geometry.chunk_bytes);
    return static_cast<unsigned>(std::min(fit, lanes * width));
}

/// Deals `total` in proportion to the weights, what is left over by single ones from the first on.
std::vector<unsigned> shares_of(unsigned total, std::span<const unsigned> weights) {
    const std::size_t sum = std::accumulate(weights.begin(), weights.end(), std::size_t{0});
    std::vector<unsigned> shares;
    unsigned left = total;
    for (const unsigned weight : weights) {
        shares.push_back(sum == 0 ? 0 : static_cast<unsigned>(std::size_t{total} * weight / sum));
        left -= shares.back();
    }
    for (std::size_t i = 0; left > 0; i = (i + 1) % shares.size()) {
        if (sum > 0 && weights[i] == 0)
            continue;
        ++shares[i];
        --left;
    }
    return shares;
}

} // namespace

Geometry choose_geometry(const EngineOptions& options, const Preference& preference) {
    Geometry geometry;
    geometry.chunk_bytes = options.chunk_bytes ? options.chunk_bytes : preference.chunk_bytes;
    geometry.lanes = options.concurrency ? options.concurrency : preference.lanes;
    geometry.loops = options.loops ? options.loops : preference.loops;
    check_range(
        "the chunk size",
        "--chunk-size",
        geometry.chunk_bytes,
        chunk_bytes_min,
        chunk_bytes_max,
        bytes_text);
    check_range("the concurrency", "--concurrency", geometry.lanes, 1, lanes_max);
    check_range("the number of loops", "--loops", geometry.loops, 1, loops_max);
    check_range("the number of workers", "--workers", options.workers, 0, workers_max);
    geometry.chunk_bytes = round_up(geometry.chunk_bytes, direct_alignment);

    const std::size_t limit = options.memory_limit;
    if (limit < chunk_bytes_min + margins)
        too_small(options, chunk_bytes_min + margins);
    const auto lanes_that_fit = [&] { return limit / (geometry.chunk_bytes + margins); };
    const auto chunk_that_fits = [&](std::size_t lanes) {
        return round_down(limit / lanes - std::min(margins, limit / lanes), direct_alignment);
    };
    if (lanes_that_fit() < geometry.lanes) {
        if (options.concurrency && options.chunk_bytes)
            too_small(options, geometry.lanes * (geometry.chunk_bytes + margins));
        if (!options.concurrency)
            geometry.lanes = static_cast<unsigned>(lanes_that_fit());
        else
            geometry.chunk_bytes = chunk_that_fits(geometry.lanes);
        if (geometry.lanes == 0 && !options.chunk_bytes) { // one lane with a smaller chunk
            geometry.lanes = 1;
            geometry.chunk_bytes = chunk_that_fits(1);
        }
        if (geometry.lanes == 0)
            too_small(options, geometry.chunk_bytes + margins);
        if (geometry.chunk_bytes < chunk_bytes_min)
            too_small(options, geometry.lanes * (chunk_bytes_min + margins));
    }
    geometry.loops = std::min(geometry.loops, geometry.lanes);
    geometry.buffer_bytes = geometry.chunk_bytes + margins;
    geometry.buffers = buffers_for(geometry, options);
    return geometry;
}

unsigned choose_width(
    const Geometry& geometry, const EngineOptions& options, std::span<const Preference> hosts) {
    if (options.chunk_bytes)
        return 1;
    std::size_t chunk_bytes = hosts.front().chunk_bytes;
    std::size_t lanes = 0;
    for (const Preference& host : hosts) {
        chunk_bytes = std::min(chunk_bytes, host.chunk_bytes);
        lanes += host.lanes_max;
    }
    if (options.concurrency)
        lanes = options.concurrency;
    // without the margins: 64 lanes of 8 MiB and 512 MiB are meant to go together, one more or less
    while (chunk_bytes > geometry.chunk_bytes && lanes * chunk_bytes > options.memory_limit)
        chunk_bytes /= 2;
    auto width =
        static_cast<unsigned>(std::max<std::size_t>(1, chunk_bytes / geometry.chunk_bytes));
    const unsigned needed = options.concurrency ? options.concurrency : 1;
    while (geometry.buffers / width < std::max(needed, static_cast<unsigned>(hosts.size())) &&
           width > 1)
        --width;
    return width;
}

std::vector<LaneShare> deal_lanes(std::span<const Preference> hosts, unsigned total, bool fixed) {
    std::vector<unsigned> wanted;
    std::vector<unsigned> growth;
    for (const Preference& host : hosts) {
        wanted.push_back(std::max(1u, host.lanes));
        growth.push_back(std::max(host.lanes, host.lanes_max) - host.lanes);
    }
    const unsigned sum = std::accumulate(wanted.begin(), wanted.end(), 0u);
    if (fixed || sum > total) {
        for (unsigned& lanes : wanted) // everyone has one; the rest is dealt
            --lanes;
        const auto count = static_cast<unsigned>(hosts.size());
        wanted = shares_of(total - count, wanted);
        for (unsigned& lanes : wanted)
            ++lanes;
        growth.assign(hosts.size(), 0);
    } else {
        const unsigned most = std::accumulate(growth.begin(), growth.end(), 0u);
        growth = shares_of(std::min(total - sum, most), growth);
    }
    std::vector<LaneShare> shares;
    shares.reserve(hosts.size());
    for (std::size_t i = 0; i < hosts.size(); ++i)
        shares.push_back({wanted[i], wanted[i] + growth[i]});
    return shares;
}

} // namespace tz
