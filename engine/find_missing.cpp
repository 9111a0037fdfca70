#include <tz/engine/engine.hpp>
#include <tz/engine/find_missing.hpp>
#include <tz/engine/hosts.hpp>
#include <tz/engine/lineup.hpp>
#include <tz/engine/read_start.hpp>
#include <tz/engine/supervision.hpp>

#include <atomic>
#include <cstdint>
#include <utility>

namespace tz {

namespace {

/// What the coroutines use. Outlives them.
struct Search {
    explicit Search(Hosts::Sources its_sources)
        : sources(its_sources),
          hosts(its_sources),
          missing(its_sources.size()) {}

    Hosts::Sources sources;
    Hosts hosts;
    std::vector<std::optional<Error>> missing; ///< by source
    std::atomic<std::uint32_t> next = 0;
};

awaitable<void> look(Search& all, Loop& loop) {
    for (std::uint32_t i = all.next++; i < all.sources.size(); i = all.next++) {
        try {
            auto reader = all.hosts.reader(i, loop);
            co_await read_start(*reader, *all.sources[i], 1);
            all.hosts.keep(std::move(reader), i, loop);
        } catch (const Error& error) {
            if (error.kind() != errc::not_found)
                throw error.in(all.sources[i]->name());
            all.missing[i] = error.in(all.sources[i]->name());
        }
    }
}

} // namespace

std::vector<std::optional<Error>> find_missing(
    Engine& engine,
    std::span<const std::shared_ptr<const Source>> sources,
    const LoadOptions& waiting) {
    Engine::State& state = engine.state();
    Supervision supervision(waiting);
    const auto turn = supervision.turn(state.one_load);
    Search all(sources);
    run_side_by_side(
        state, 1, sources.size(), supervision, [&all](Loop& loop) { return look(all, loop); });
    return std::move(all.missing);
}

} // namespace tz
