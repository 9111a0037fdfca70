#include <tz/engine/alignment.hpp>
#include <tz/engine/geometry.hpp>
#include <tz/format/error.hpp>

#include <algorithm>
#include <string>

namespace tz {

namespace {

constexpr std::size_t margins = 2 * direct_alignment; // what alignment may add on each side

void check_range(const char* name, std::size_t value, std::size_t low, std::size_t high) {
    if (value >= low && value <= high)
        return;
    throw Error(
        errc::usage,
        std::string(name) + " is " + std::to_string(value) + ", not within " + std::to_string(low) +
            " to " + std::to_string(high));
}

[[noreturn]] void too_small(const EngineOptions& options, std::size_t needed) {
    throw Error(
        errc::usage,
        "memory limit " + std::to_string(options.memory_limit) + " is below the " +
            std::to_string(needed) + " bytes that this concurrency and chunk size take",
        {},
        "raise --memory-limit, or lower --concurrency or --chunk-size");
}

} // namespace

Geometry choose_geometry(const EngineOptions& options, const Preference& preference) {
    Geometry geometry;
    geometry.chunk_bytes = options.chunk_bytes ? options.chunk_bytes : preference.chunk_bytes;
    geometry.lanes = options.concurrency ? options.concurrency : preference.lanes;
    geometry.loops = options.loops ? options.loops : preference.loops;
    check_range("chunk size", geometry.chunk_bytes, chunk_bytes_min, chunk_bytes_max);
    check_range("concurrency", geometry.lanes, 1, lanes_max);
    check_range("loops", geometry.loops, 1, loops_max);
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
    return geometry;
}

} // namespace tz
