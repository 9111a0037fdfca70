#include <tz/engine/load_options.hpp>
#include <tz/engine/manifest_check.hpp>
#include <tz/format/error.hpp>

#include <algorithm>

namespace tz {

namespace {

/// Whether hashes that cover whole tensors were asked for by name.
bool demands_hashes(const LoadOptions& options) {
    return options.digests || options.verify == Verify::crc32 || options.verify == Verify::sha256 ||
           options.verify == Verify::all;
}

bool checks_no_hashes(const LoadOptions& options, std::span<const format::Layout> layouts) {
    return options.verify == Verify::none ||
           (options.verify == Verify::automatic &&
            std::ranges::none_of(layouts, &format::Layout::has_headers));
}

} // namespace

void check_options(const LoadOptions& options, std::size_t sources) {
    if (sources == 0)
        throw Error(errc::usage, "there is nothing to load");
    if ((options.memory == Memory::given) != static_cast<bool>(options.destination))
        throw Error(errc::usage, "Memory::given and a destination belong together");
    if (options.sink && (options.memory != Memory::none || options.headers_only))
        throw Error(errc::usage, "a sink takes the place of memory, and takes data");
    if (options.headers_only && options.digests)
        throw Error(errc::usage, "digests need the data, and only headers are asked for");
    const Selection& selection = options.selection;
    if (!selection.slices.empty() && !selection.read_whole_for_hashes && demands_hashes(options))
        throw Error(
            errc::usage,
            "a hash covers a whole tensor, and of '" + printable(selection.slices.front().name) +
                "' only a slice is wanted",
            {},
            "read it whole for its hash (read_whole_for_hashes), or verify none");
}

const CheckedManifest* manifest_of(const LoadOptions& options, std::size_t source) {
    return source < options.manifests.size() ? options.manifests[source].get() : nullptr;
}

const CheckedManifest*
pieces_of(const LoadOptions& options, std::size_t source, const format::Layout& layout) {
    const CheckedManifest* manifest = manifest_of(options, source);
    const bool listed = manifest != nullptr && manifest->manifest.piece_bytes != 0;
    // MACs bind what is sealed
    if (!listed || manifest->pieces_checked || layout.encrypted || options.headers_only)
        return nullptr;
    return manifest;
}

void check_by_manifest(
    const LoadOptions& options, std::size_t source, const format::Layout& layout) {
    const CheckedManifest* manifest = manifest_of(options, source);
    if (manifest == nullptr)
        return;
    if (layout != manifest->layout)
        throw Error(
            errc::integrity,
            "the index is not the one that its manifest was checked with",
            {},
            "the file was changed meanwhile; check and load it again");
    if (layout.encrypted || manifest->pieces_checked || pieces_of(options, source, layout))
        return;
    if (!layout.has_headers() || !options.selection.slices.empty())
        throw Error(
            errc::usage,
            "a load can't check this data by its manifest while it arrives",
            {},
            "check the pieces of the manifest first");
}

LoadOptions effective(LoadOptions options, std::span<const format::Layout> layouts) {
    if (options.memory == Memory::automatic)
        options.memory = checks_no_hashes(options, layouts) ? Memory::mapped : Memory::owned;
    if (options.memory == Memory::mapped && options.verify == Verify::automatic)
        options.verify = Verify::none;
    if (options.headers_only)
        options.memory = Memory::none;
    return options;
}

bool hashes_in_order(const LoadOptions& options) {
    return options.digests || options.verify == Verify::sha256 || options.verify == Verify::all ||
           !options.manifests.empty();
}

} // namespace tz
