// The root of a manifest: what it covers, and comparing a file with it. Pure.
#pragma once

#include <tz/format/layout.hpp>
#include <tz/format/manifest.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace tz::format {

/// What the root covers of the bytes before the tensors. Refers to them and to the layout.
struct IndexView {
    const Layout* layout = nullptr;
    std::span<const std::byte> head;    ///< up to the first entry, or to a safetensors' JSON
    std::span<const std::byte> entries; ///< of the tensors, without the unused bytes behind them

    /// Where the unused bytes of the metadata region stand, which count as zeros in pieces; none in
    /// safetensors files.
    Range unused() const;
};

/// `index` are the bytes before the first tensor, as read, that `layout` was parsed from.
IndexView view_index(std::span<const std::byte> index, const Layout& layout);

/// A manifest of the file, without root, lists and signatures.
Manifest describe(const Layout& layout);

/// The root that `manifest` must have if `headers` are the SHA-256 of the file's tensor headers (of
/// safetensors files, none) and `manifest.pieces` those of its pieces.
Sha256 root_of(const Manifest& manifest, const IndexView& index, std::span<const Sha256> headers);

/// Throws `tz::Error` (errc::auth) where the manifest is of another file already by its counts, and
/// errc::integrity where it could not prove anything of the data.
void check_description(const Manifest& manifest, const Layout& layout);

/// Throws `tz::Error` (errc::integrity) where root_of() is not the manifest's root.
void check_root(const Manifest& manifest, const IndexView& index, std::span<const Sha256> headers);

/// The subject for a model's name, revision, or whatever the caller tells models apart by.
Subject subject_of(std::string_view text);

} // namespace tz::format
