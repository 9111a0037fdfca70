#include <tz/engine/cause.hpp>
#include <tz/engine/engine.hpp>
#include <tz/engine/hosts.hpp>
#include <tz/engine/lineup.hpp>
#include <tz/engine/read_start.hpp>
#include <tz/engine/read_whole.hpp>
#include <tz/engine/supervision.hpp>
#include <tz/format/error.hpp>

#include <span>
#include <string>
#include <utility>

namespace tz {

namespace {

// Of the first request, which tells the size too: most of what is read so is smaller.
constexpr std::size_t first_bytes = 1 << 20;

/// What the coroutine uses. Outlives it.
struct Reading {
    Hosts& hosts;
    const Source& source;
    std::uint64_t bytes_max;
    std::vector<std::byte> bytes;
};

awaitable<void> read(Reading& all, Loop& loop) {
    auto reader = all.hosts.reader(0, loop);
    all.bytes = co_await read_start(*reader, all.source, first_bytes);
    const std::size_t had = all.bytes.size();
    if (all.source.bytes() > all.bytes_max)
        throw Error(
            errc::limit,
            "it has " + std::to_string(all.source.bytes()) + " bytes, the limit is " +
                std::to_string(all.bytes_max));
    all.bytes.resize(all.source.bytes());
    if (had < all.bytes.size())
        co_await read_to(*reader, std::span(all.bytes).subspan(had), had);
}

} // namespace

std::vector<std::byte> read_whole(
    Engine& engine,
    std::shared_ptr<const Source> source,
    std::uint64_t bytes_max,
    const LoadOptions& waiting) {
    return about(*source, [&] {
        Engine::State& state = engine.state();
        Supervision supervision(waiting);
        const auto turn = supervision.turn(state.one_load);
        const std::span<const std::shared_ptr<const Source>> sources(&source, 1);
        Hosts hosts(sources);
        Reading all{hosts, *source, bytes_max, {}};
        run_side_by_side(state, 1, 1, supervision, [&all](Loop& loop) { return read(all, loop); });
        return std::move(all.bytes);
    });
}

} // namespace tz
