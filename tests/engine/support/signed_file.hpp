// Files in memory with manifests, for tests that attack them.
#pragma once

#include <tz/engine/manifest_check.hpp>
#include <tz/engine/manifest_make.hpp>
#include <tz/format/manifest_place.hpp>
#include <tz/format/manifest_root.hpp>
#include <tz/format/signature.hpp>
#include <tz/tests/format/support/made_file.hpp>
#include <tz/tests/support/memory_source.hpp>

#include <algorithm>
#include <memory>
#include <optional>

namespace tz::test {

inline std::shared_ptr<const format::Secret> key_from(unsigned first) {
    return std::make_shared<const format::Secret>(counting(32, first));
}

inline format::SigningKey signing_key_from(unsigned first) {
    return format::SigningKey(format::Secret(counting(32, first)));
}

inline std::shared_ptr<MemorySource> source_of(const Bytes& bytes) {
    return std::make_shared<MemorySource>(bytes);
}

/// What a manifest shall have beside the usual.
struct Signing {
    std::shared_ptr<const format::Secret> file_key{};
    std::optional<unsigned> signing_key{};
    ManifestContent content{.piece_bytes = 0};
};

/// The file's manifest, made by the engine and signed.
inline format::Manifest manifest_for(const Bytes& bytes, const Signing& signing) {
    Engine engine;
    const std::shared_ptr<const Source> source = source_of(bytes);
    const FoundManifest found = find_place(engine, source);
    format::Manifest manifest = make_manifest(engine, source, found, signing.content);
    if (signing.file_key)
        add_signature(manifest, format::sign(manifest.root, *signing.file_key));
    if (signing.signing_key)
        add_signature(
            manifest, format::sign(manifest.root, signing_key_from(*signing.signing_key)));
    return manifest;
}

/// `bytes` with the manifest inside, in place of the one that is there.
inline Bytes with_manifest(Bytes bytes, const Bytes& manifest) {
    const std::uint64_t index_bytes = format::prefix_bytes + get<std::uint64_t>(bytes, 65);
    const auto index = std::span(bytes).first(index_bytes);
    const auto old = format::find_manifest(index);
    const format::Range all{format::prefix_bytes, index_bytes - format::prefix_bytes};
    for (const format::RegionWrite& step : format::manifest_steps(all, old, manifest))
        std::ranges::copy(step.bytes, bytes.begin() + static_cast<std::ptrdiff_t>(step.offset));
    return bytes;
}

inline Bytes signed_file(const Bytes& bytes, const Signing& signing) {
    return with_manifest(bytes, write_manifest(manifest_for(bytes, signing)));
}

} // namespace tz::test
