// What reading and writing of manifests, and their root, have in common. For the sources of this
// folder.
#pragma once

#include <tz/format/appender.hpp>
#include <tz/format/manifest.hpp>

#include <cstdint>
#include <string_view>

namespace tz::format {

inline constexpr std::string_view manifest_magic = "TZMANIF1";
inline constexpr std::uint16_t manifest_version = 1;
inline constexpr std::uint16_t manifest_hash_sha256 = 1;

/// From the version to the number of pieces: what the root covers of the manifest itself.
inline constexpr std::uint64_t manifest_fixed_bytes = 76;

void append_manifest_fixed(Appender& out, const Manifest& manifest);

} // namespace tz::format
