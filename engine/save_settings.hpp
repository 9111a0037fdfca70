// Save options as the writing of one file needs them.
#pragma once

#include <tz/engine/manifest_wish.hpp>
#include <tz/engine/save_options.hpp>
#include <tz/format/manifest.hpp>
#include <tz/format/tensorizer.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace tz {

/// Fixed for a file. May be used by several threads.
struct SaveSettings {
    format::WriteOptions write;
    std::shared_ptr<const format::Secret> key; ///< null for a plain file
    std::optional<ManifestWish> manifest{};
};

/// Derives the key of a password, which takes its time. Throws `tz::Error`: errc::usage for options
/// that contradict each other, errc::limit for a password that costs too much.
SaveSettings save_settings(const SaveOptions& options);

/// Who signs the manifest that is asked for.
std::vector<format::SignatureKind> signature_kinds(const SaveSettings& settings);

/// What the header of a tensor will hold, with zeros for hashes and without MACs: what
/// format::hashed_form() wants. A sealed tensor gets its nonce.
format::HeaderValues
new_header_values(const format::Tensor& tensor, std::uint16_t module, const SaveSettings& settings);

} // namespace tz
