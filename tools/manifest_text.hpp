// Manifests as people and programs read them. Pure.
#pragma once

#include <tz/format/manifest.hpp>
#include <tz/tools/json.hpp>

#include <string>

namespace tz::cli {

/// What a manifest holds, a line each. Nothing of it is checked by that.
std::string manifest_text(const format::Manifest& manifest);

/// What was done, in a line: `place` is "inside" or "sidecar", `file` ready to be shown.
std::string
manifest_line(const std::string& file, const std::string& place, const format::Manifest& manifest);

Json manifest_json(const format::Manifest& manifest);

/// "file-key", "ed25519".
const char* signature_name(format::SignatureKind kind);

} // namespace tz::cli
