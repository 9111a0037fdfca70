#include <tz/engine/cause.hpp>
#include <tz/engine/machine.hpp>
#include <tz/engine/manifest_check.hpp>
#include <tz/engine/piece_hashes.hpp>
#include <tz/format/error.hpp>
#include <tz/format/manifest_root.hpp>
#include <tz/format/name.hpp>

#include <algorithm>
#include <utility>

namespace tz {

namespace {

/// Of `waiting`, what holds for any reading.
LoadOptions headers_alone(const LoadOptions& waiting) {
    LoadOptions options;
    options.deadline = waiting.deadline;
    options.begun = waiting.begun;
    options.stop = waiting.stop;
    options.headers_only = true;
    options.memory = Memory::none;
    return options;
}

/// One call of check_manifest() that found one.
class Check {
public:
    Check(
        Engine& engine,
        const ManifestPlaces& places,
        const ManifestOptions& options,
        FoundManifest found)
        : engine_(engine),
          file_(places.file),
          options_(options),
          index_(std::move(found.index)) {
        checked_.manifest = std::move(*found.manifest);
        checked_.layout = std::move(found.layout);
        checked_.sidecar = found.sidecar;
    }

    CheckedManifest run() {
        const format::Manifest& manifest = checked_.manifest;
        const format::IndexView view = format::view_index(index_, checked_.layout);
        format::check_description(manifest, checked_.layout);
        const bool has_headers = checked_.layout.has_headers();
        const bool listed = !has_headers || !manifest.headers.empty();
        if (listed) {
            checked_.headers = manifest.headers;
            format::check_root(manifest, view, checked_.headers);
        }
        // pieces are all of the file, its headers too
        const bool by_pieces = options_.contents && manifest.piece_bytes != 0;
        if (!listed) {
            checked_.headers = read_header_digests(engine_, file_, options_.waiting);
            format::check_root(manifest, view, checked_.headers);
            checked_.headers_checked = true;
        } else if (has_headers && options_.contents && !by_pieces) {
            check_headers();
        }
        checked_.unused = view.unused();
        if (by_pieces)
            check_pieces();
        return std::move(checked_);
    }

private:
    void check_headers() {
        const auto headers = read_header_digests(engine_, file_, options_.waiting);
        const auto [wrong, listed] = std::ranges::mismatch(headers, checked_.headers);
        if (wrong != headers.end()) {
            const format::Tensor& tensor =
                checked_.layout.tensors[static_cast<std::size_t>(wrong - headers.begin())];
            throw Error(
                errc::integrity,
                "the header of " + format::tensor_label(tensor.name) +
                    " is not the one that the manifest lists",
                tensor.header.offset,
                "the file was changed; fetch it again");
        }
        checked_.headers_checked = true;
    }

    void check_pieces() {
        const format::Manifest& manifest = checked_.manifest;
        const PieceOptions pieces{manifest.piece_bytes, checked_.unused, manifest.pieces};
        hash_pieces(engine_, file_, pieces, options_.waiting);
        checked_.pieces_checked = checked_.headers_checked = true;
    }

    Engine& engine_;
    const std::shared_ptr<const Source>& file_;
    const ManifestOptions& options_;
    std::vector<std::byte> index_;
    CheckedManifest checked_;
};

} // namespace

std::shared_ptr<const CheckedManifest>
check_manifest(Engine& engine, const ManifestPlaces& places, const ManifestOptions& wanted) {
    using Kind = format::Requirement::Kind;
    ManifestOptions options = wanted;
    if (!options.waiting.begun)
        options.waiting.begun = std::chrono::steady_clock::now();
    FoundManifest found = find_manifest(engine, places, options.waiting);
    return about(*places.file, [&]() -> std::shared_ptr<const CheckedManifest> {
        std::shared_ptr<const format::Secret> key;
        if (options.require.kind == Kind::file_key && found.manifest)
            key = file_key(engine, places.file, options.waiting);
        const format::Manifest* manifest = found.manifest ? &*found.manifest : nullptr;
        format::check_requirement(options.require, manifest, key.get());
        if (manifest == nullptr)
            return nullptr;
        return std::make_shared<const CheckedManifest>(
            Check(engine, places, options, std::move(found)).run());
    });
}

std::vector<format::Sha256> read_header_digests(
    Engine& engine, const std::shared_ptr<const Source>& source, const LoadOptions& waiting) {
    LoadOptions options = headers_alone(waiting);
    options.header_digests = true;
    return load(engine, source, options).header_digests;
}

std::shared_ptr<const format::Secret>
file_key(Engine& engine, const std::shared_ptr<const Source>& source, const LoadOptions& waiting) {
    if (!waiting.password)
        return waiting.key;
    LoadOptions options = headers_alone(waiting);
    options.keep_headers = true;
    const Loaded loaded = load(engine, source, options);
    const auto sealed = std::ranges::find_if(loaded.headers, [](const auto& header) {
        return header.seal.has_value() && header.seal->derivation.has_value();
    });
    if (sealed == loaded.headers.end())
        throw Error(
            errc::auth,
            "a password is given but the file was not encrypted with one",
            {},
            "give the key itself (--key-file)")
            .in(source->name());
    format::check_derivation(*sealed->seal->derivation, memory_available(), waiting.derivation_max);
    return std::make_shared<const format::Secret>(
        format::derive_key(*waiting.password, *sealed->seal->derivation));
}

} // namespace tz
