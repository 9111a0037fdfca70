#include <tz/engine/cause.hpp>
#include <tz/engine/engine.hpp>
#include <tz/engine/hosts.hpp>
#include <tz/engine/lineup.hpp>
#include <tz/engine/read_whole.hpp>
#include <tz/engine/supervision.hpp>
#include <tz/format/error.hpp>

#include <span>
#include <string>
#include <utility>

namespace tz {

namespace {

// Of the first request to a source that doesn't know its size: most of what is read so is smaller.
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
    std::size_t had = 0;
    if (!all.source.bytes_known()) {
        all.bytes.resize(first_bytes);
        had = co_await reader->begin(all.bytes);
    }
    if (all.source.bytes() > all.bytes_max)
        throw Error(
            errc::limit,
            "it has " + std::to_string(all.source.bytes()) + " bytes, the limit is " +
                std::to_string(all.bytes_max));
    all.bytes.resize(all.source.bytes());
    if (had == all.bytes.size())
        co_return;
    const Buffer rest{std::span(all.bytes).subspan(had), -1, false};
    const std::span<const Buffer> to(&rest, 1);
    co_await reader->read(Route::cached, had, to, rest.bytes.size());
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
