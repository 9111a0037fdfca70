#include <tz/engine/index.hpp>
#include <tz/engine/job.hpp>
#include <tz/engine/lineup.hpp>
#include <tz/engine/read_start.hpp>
#include <tz/format/file_index.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <utility>

namespace tz {

namespace {

/// What the coroutines that read indexes share. Outlives them.
struct Indexes {
    Indexes(Hosts& its_hosts, Hosts::Sources its_sources)
        : hosts(its_hosts),
          sources(its_sources),
          layouts(its_sources.size()) {}

    Hosts& hosts;
    Hosts::Sources sources;
    std::vector<format::Layout> layouts; ///< by source
    std::atomic<std::uint32_t> next = 0;
    /// For those larger than usual: their bytes may be as many as a file claims.
    ScratchBudget large{format::index_bytes_max};
};

awaitable<format::Layout>
read_index(Indexes& all, Loop& loop, Reader& reader, const Source& source) {
    std::vector<std::byte> bytes = co_await read_start(reader, source, format::usual_index_bytes);
    const std::size_t had = bytes.size();
    const std::uint64_t index = format::file_index_bytes(bytes, source.bytes());
    const std::uint64_t large = index > had ? index : 0;
    if (large > 0) {
        co_await all.large.take(large);
        bytes.resize(index);
        co_await read_to(reader, std::span(bytes).subspan(had), had);
    }
    format::Layout layout;
    auto parse = [&layout, &bytes, index, &source] {
        layout = format::parse_file_index(std::span(bytes).first(index), source.bytes());
    };
    co_await loop.workers().run(std::move(parse));
    if (large > 0) {
        bytes = {};
        all.large.give_back(large);
    }
    co_return layout;
}

awaitable<void> read_some(Indexes& all, Loop& loop) {
    for (std::uint32_t i = all.next++; i < all.sources.size(); i = all.next++) {
        if (const format::Layout* known = all.sources[i]->layout()) {
            all.layouts[i] = *known;
            continue;
        }
        try {
            auto reader = all.hosts.reader(i, loop);
            all.layouts[i] = co_await read_index(all, loop, *reader, *all.sources[i]);
            all.hosts.keep(std::move(reader), i, loop);
        } catch (const Error& error) {
            throw error.in(all.sources[i]->name());
        }
    }
}

} // namespace

std::vector<format::Layout> read_indexes(
    Engine::State& engine,
    unsigned loops,
    Hosts& hosts,
    Hosts::Sources sources,
    Supervision& supervision) {
    Indexes all(hosts, sources);
    run_side_by_side(engine, loops, sources.size(), supervision, [&all](Loop& loop) {
        return read_some(all, loop);
    });
    return std::move(all.layouts);
}

} // namespace tz
