// What a caller demands of a file's manifest. It is the caller who demands: nothing in a file says
// how little is enough. Pure.
#pragma once

#include <tz/format/manifest.hpp>
#include <tz/format/signature.hpp>

#include <optional>
#include <string_view>

namespace tz::format {

struct Requirement {
    enum class Kind {
        none,       ///< there need be no manifest; `subject` demands one all the same
        file_key,   ///< signed by who has the file's encryption key
        public_key, ///< signed by who has the private key to `public_key`
        root,       ///< of exactly this content
    };

    Kind kind = Kind::none;
    PublicKey public_key;
    Sha256 root{};
    std::optional<Subject> subject; ///< that the manifest must name

    /// Whether any manifest is asked for.
    bool demands() const { return kind != Kind::none || subject.has_value(); }
};

/// Throws `tz::Error` (errc::auth) unless the manifest, null where there is none, meets the
/// requirement. `file_key` may be null unless the requirement is of its kind. That the file is what
/// the manifest says is another question: see check_root().
void check_requirement(
    const Requirement& requirement, const Manifest* manifest, const Secret* file_key);

/// 64 hex digits. Throws `tz::Error` (errc::usage).
Sha256 parse_root(std::string_view text);

} // namespace tz::format
