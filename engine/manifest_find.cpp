#include <tz/engine/cause.hpp>
#include <tz/engine/engine.hpp>
#include <tz/engine/hosts.hpp>
#include <tz/engine/lineup.hpp>
#include <tz/engine/manifest_find.hpp>
#include <tz/engine/read_start.hpp>
#include <tz/engine/read_whole.hpp>
#include <tz/engine/supervision.hpp>
#include <tz/format/error.hpp>
#include <tz/format/file_index.hpp>
#include <tz/format/manifest_place.hpp>

#include <span>
#include <utility>

namespace tz {

namespace {

/// What the coroutine uses. Outlives it.
struct Reading {
    Hosts& hosts;
    const Source& source;
    std::vector<std::byte> bytes;
};

awaitable<void> read_index(Reading& all, Loop& loop) {
    auto reader = all.hosts.reader(0, loop);
    all.bytes = co_await read_start(*reader, all.source, format::usual_index_bytes);
    const std::size_t had = all.bytes.size();
    all.bytes.resize(format::file_index_bytes(all.bytes, all.source.bytes()));
    if (had < all.bytes.size())
        co_await read_to(*reader, std::span(all.bytes).subspan(had), had);
}

std::vector<std::byte> read_index(
    Engine& engine, const std::shared_ptr<const Source>& source, const LoadOptions& waiting) {
    Engine::State& state = engine.state();
    Supervision supervision(waiting, "check");
    const auto turn = supervision.turn(state.one_load);
    Hosts hosts(Hosts::Sources(&source, 1));
    Reading all{hosts, *source, {}};
    run_side_by_side(
        state, 1, 1, supervision, [&all](Loop& loop) { return read_index(all, loop); });
    return std::move(all.bytes);
}

/// The sidecar's bytes, if there is one.
std::optional<std::vector<std::byte>>
read_sidecar(Engine& engine, const ManifestPlaces& places, const LoadOptions& waiting) {
    if (!places.sidecar)
        return {};
    try {
        return read_whole(engine, places.sidecar, format::manifest_bytes_max, waiting);
    } catch (const Error& error) {
        if (error.kind() == errc::not_found)
            return {};
        throw;
    }
}

} // namespace

FoundManifest
find_place(Engine& engine, const std::shared_ptr<const Source>& file, const LoadOptions& waiting) {
    return about(*file, [&] {
        FoundManifest found;
        found.index = read_index(engine, file, waiting);
        found.layout = format::parse_file_index(found.index, file->bytes());
        if (found.layout.has_headers())
            found.inside = format::find_manifest(found.index);
        return found;
    });
}

FoundManifest
find_manifest(Engine& engine, const ManifestPlaces& places, const LoadOptions& waiting) {
    FoundManifest found = find_place(engine, places.file, waiting);
    if (found.inside && !places.sidecar_first) {
        const auto bytes =
            std::span(found.index).subspan(found.inside->offset, found.inside->bytes);
        about(*places.file, [&] {
            found.manifest = format::parse_manifest(bytes, found.inside->offset);
        });
    } else if (const auto bytes = read_sidecar(engine, places, waiting)) {
        about(*places.sidecar, [&] { found.manifest = format::parse_manifest(*bytes); });
        found.sidecar = true;
    }
    return found;
}

} // namespace tz
