#include <tz/engine/index.hpp>
#include <tz/format/tensorizer.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace tz {

namespace {

/// Reads from byte `from` of the source to the end of `to`.
awaitable<void> read_start(
    Loop& loop,
    const Source& source,
    ReadCounters& counters,
    std::span<std::byte> to,
    std::size_t from) {
    const auto reader = source.reader(loop, counters);
    const Buffer buffer{to.subspan(from), -1, false};
    const std::span<const Buffer> buffers(&buffer, 1);
    // by the workers, which have nothing else to do yet: most loads then need no further threads
    co_await reader->read(Route::cached, from, buffers, buffer.bytes.size());
}

} // namespace

format::Layout read_index(
    Engine::State& engine, const Source& source, ReadCounters& counters, Supervision& supervision) {
    std::vector<std::byte> bytes;
    const auto grow = [&](std::uint64_t size) {
        const std::size_t had = bytes.size();
        if (size <= had)
            return;
        bytes.resize(size);
        Crew crew;
        Loop& loop = *engine.loops.front();
        std::vector<awaitable<void>> members;
        members.push_back(read_start(loop, source, counters, bytes, had));
        crew.start(loop, std::move(members));
        supervision.wait(crew, [] { return Progress{}; });
    };
    const std::uint64_t usual = format::prefix_bytes + format::usual_region_bytes;
    grow(std::min<std::uint64_t>(source.bytes(), usual));
    const auto prefix =
        std::span(bytes).first(std::min<std::size_t>(bytes.size(), format::prefix_bytes));
    const std::uint64_t index = format::index_bytes(prefix, source.bytes());
    grow(index);
    return format::parse_index(std::span(bytes).first(index), source.bytes());
}

} // namespace tz
