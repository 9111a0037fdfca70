// What a manifest that is written together with its file shall say. In it are, beside the index and
// the file's size, the SHA-256 of all tensor headers, whose MACs or hashes bind the data; no
// pieces.
#pragma once

#include <tz/format/manifest.hpp>
#include <tz/format/signature.hpp>

#include <memory>

namespace tz {

/// The manifest of an encrypted file is signed with the file's key in any case.
struct ManifestWish {
    format::Subject subject{};                             ///< see subject_of(); zeros: none
    std::shared_ptr<const format::SigningKey> signing_key; ///< signs too; null: nobody else does
};

} // namespace tz
