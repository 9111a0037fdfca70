// Signed statements as Sigstore bundles hold them: a DSSE envelope, signed with an elliptic-curve
// key. Pure.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace tz::format {

/// Largest bundle; those of models with a hundred thousand files take some 30 MB.
inline constexpr std::size_t bundle_bytes_max = 64 << 20;

/// What a bundle holds, believed in nothing.
struct Envelope {
    std::string payload_type;
    std::vector<std::byte> payload;
    std::vector<std::byte> signature;
    std::string key_hint; ///< SHA-256 of the public key's PEM in hex digits, or empty
};

/// A bundle, JSON, with one signature by a key. Throws `tz::Error`: errc::format,
/// errc::unsupported for one by a certificate or of another kind.
Envelope parse_bundle(std::span<const std::byte> text);

/// Throws `tz::Error` unless `public_key`, PEM of a key on P-256, P-384 or P-521, has signed the
/// envelope (ECDSA with SHA-256, 384, 512): errc::auth, or errc::usage where it is no such key.
void check_envelope(const Envelope& envelope, std::span<const std::byte> public_key);

} // namespace tz::format
